"""The report of a finished run."""

import base64
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from advxai.answer.whole import answer
from advxai.common import parquet
from advxai.common.jsonfile import read_object
from advxai.metrics.registry import measured_columns
from advxai.report.page import clips, sections
from advxai.report.page.collect import images
from advxai.report.page.figures import Figure, describe, names, shape, smaller
from advxai.report.page.gallery import Entry, entry
from advxai.report.page.tables import shown
from advxai.report.page.write import FOLDER, Gallery, write
from advxai.run.paths import Paths
from advxai.tables.all import combined, published
from advxai.tables.compute import Axes, paper_order
from advxai.tables.left_out import not_explained, noted
from advxai.tables.measured import measured_tables
from advxai.tables.read import evaluation, explanations, metrics

ANEW = "delete it and run again"
MEGABYTE = 1_000_000
TITLES = {
    "scorecard": "Scorecard",
    "tests": "Comparisons",
    "accuracy": "Table 1: accuracy",
    "sufficiency": "Table 2: sufficiency",
    "cost": "Table 3: cost",
    "flips": "Flips behind the tables",
    "metrics": "Restoration and complexity",
    "localisation": "Localisation",
    "published_accuracy": "Table 1 beside the published one",
    "published_sufficiency": "Table 2 beside the published one",
    "published_cost": "Table 3 beside the published one",
}
SECTIONS = (
    ("answer", "Answer"),
    ("run", "What was run"),
    ("detector", "Detector"),
    ("tables", "Tables"),
    ("figures", "Figures"),
    ("gallery", "Gallery"),
    ("left-out", "What was left out"),
    ("provenance", "Provenance"),
)


def report(paths: Paths, detector: Path, missing: Sequence[Path] = ()) -> None:
    """Publish results/<run>/report.html, and the folder `report` beside it where the run is large.

    Args:
        paths: of the run, which has everything else.
        detector: the detector's file.
        missing: the list of the test fakes that aren't explained (one or none).
    """
    config = paths.config
    rows = evaluation([path for name in config.explainers for path in paths.rows_of(name)])
    spent = pd.concat(
        [explanations(name, paths.maps_of(name), paths.classes) for name in config.explainers], ignore_index=True
    )
    categories = paper_order(config.corpus.categories)
    axes = Axes.of(paths)
    tables = combined(rows, spent, axes)
    if paths.beside_published:
        ours = {name: table.tidy for name, table in tables.items()}
        beside = published(ours, axes, paths.outputs.readings)
        tables |= {f"published_{name}": table for name, table in beside.items()}
    measured = metrics([path for name in config.explainers for path in paths.metrics_of(name)])
    if config.metrics:
        tables |= measured_tables(measured, measured_columns(config), axes)
    found = answer(paths, rows, measured)
    tables |= found.tables
    white = set(spent.loc[spent["backwards"] > 0, "explainer"])
    listed = sections.explainers(config, white)
    note = noted(paths.outputs.note(), missing)
    content = {
        "title": f"Run {config.run}",
        "sections": SECTIONS,
        "answer": sections.answer(found.sentences),
        "summary": sections.summary(paths.run / "summary.txt", len(found.sentences)),
        "run": sections.run(config),
        "explainers": listed,
        "kinds": sections.kinds(listed),
        "meanings": sections.meant(config, white),
        "top": config.evaluation.top,
        "titles": TITLES,
        "tables": [shown(name, tables[name], note) for name in TITLES if name in tables],
        "not_explained": " ".join(not_explained(parquet.read(path)) for path in missing),
        **sections.detector(read_object(paths.run / "detector/metrics.json", ANEW), paths),
        **sections.left_out(parquet.read(paths.run / "tables/left_out.parquet")),
        **sections.provenance(read_object(paths.run / "provenance.json", ANEW)),
    }
    if config.video.asked:
        files = [path for path in paths.video_tables if path.suffix == ".md"]
        folder = paths.films.relative_to(paths.outputs.report.parent).as_posix()
        content["sections"] = (*SECTIONS[:5], ("clips", "Clips"), *SECTIONS[5:])
        content["clips"] = clips.of_run(paths.video_page["data"], files, folder)
    methods = {name: settings.method for name, settings in config.of_kind("explainer").items()}

    def entries() -> Iterator[Entry]:
        for image in images(paths, rows, paths.run / "frames/manifest.parquet", detector):
            yield entry(image, methods, categories, paths.classes, config.evaluation.top, config.report.tile)

    write(
        paths.outputs.report,
        content,
        Gallery(paths.classes.names, categories, list(methods), paths.any_adversary, config.evaluation.top),
        entries(),
        rows["key"].nunique(),
        pictures(paths),
        config.report.one_file_mb * MEGABYTE,
    )


def pictures(paths: Paths) -> Callable[[Path | None], list[Figure]]:
    """The run's figures, as `advxai.report.page.write.write` asks for them."""
    made = {}
    for name in names(paths.outputs.figures):
        made[name] = smaller(paths.run / "figures" / f"{name}.png")

    def figures(folder: Path | None) -> list[Figure]:
        found = []
        for name, (data, width, height) in made.items():
            if folder is None:
                source = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
            else:
                (folder / f"{name}.webp").write_bytes(data)
                source = f"{FOLDER}/{quote(name)}.webp"  # a + is a space to some servers
            config = paths.config
            rows, channels = config.of_kind("explainer"), config.detector.channel_tokens
            caption, alt = describe(name, paths.outputs.figure_groups, rows, paths.any_adversary, channels)
            found.append(
                Figure(name, source, width, height, shape(width, height, paths.config.report.dpi), caption, alt)
            )
        return found

    return figures
