"""What people get of explained samples: pictures, a page, a table, a line that counts."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.files import fitting, publish, publish_text, published_folder
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.config.science import Resize
from advxai.frames.database import FrameStore
from advxai.media.fit import unit_of
from advxai.report.captions import meanings, together
from advxai.report.page.write import style
from advxai.report.style import form_of
from advxai.run import progress
from advxai.run.bar import Bar
from advxai.run.paths import Paths
from advxai.run.store import stream_shard
from advxai.samples.overlay import draw

HERE = Path(__file__).parent
OUTCOMES = {"TP": "fake, called fake", "FP": "real, called fake", "TN": "real, called real", "FN": "fake, called real"}
OTHER = "other"  # in the place of a method that the list doesn't say
OF_NO_CLASS = ("attention",)  # methods whose maps are the same for each class
# How the run picks the images of its own list.
PICKED = (
    "The images are the run's own: of each test video one, the frame of the highest p(fake) where the video is called "
    "fake, else of the lowest. They are extreme frames, not typical ones."
)
NAMED = 100  # bytes of a picture's name, at most


@dataclass(frozen=True)
class Files:
    """What is written: the page, the table, the line and the folder of pictures beside the page."""

    page: Path
    table: Path
    summary: Path
    pictures: Path


def outcome(fake: bool, called_fake: bool) -> str:
    """TP, FP, TN or FN; the positive is a fake."""
    return ("T" if fake == called_fake else "F") + ("P" if called_fake else "N")


def title(sample: Record, row: str) -> list[str]:
    """The lines above a sample's picture: outcome and image; label and scores; the row.

    Args:
        sample: method, video_name, frame, face, path, fake, called, p_fake, outcome; video_prob, NaN if not known;
            where `row` is given, `explained_<row>`.
        row: the explainer's name; "": of none.
    """
    video = "" if math.isnan(sample["video_prob"]) else f", its video {sample['video_prob']:.3f} by the list"
    label = "fake" if sample["fake"] else "real"
    return [
        f"{sample['outcome']}  {name_of(sample)}",
        f"{label}, called {sample['called']}, p(fake) {sample['p_fake']:.3f}{video}",
        f"{row}, explained: {sample[f'explained_{row}']}" if row else "",
    ]


def explained(sample: Record, rows: Sequence[str]) -> str:
    """Which class the maps of a sample explain: `explained: Fake`, or by row where they differ."""
    of = {row: sample[f"explained_{row}"] for row in rows}
    if len(set(of.values())) == 1:
        return f"explained: {of[rows[0]]}"
    return f"explained: {', '.join(f'{name} by {row}' for row, name in of.items())}"


def beside(found: pd.DataFrame) -> str:
    """How far the list's own scores of the images are from ours; "": it has none.

    Args:
        found: with `differs`, NaN where the list has no score.
    """
    differ = found["differs"].dropna()
    if not len(differ):
        return ""
    of = "these images" if len(differ) == len(found) else f"{len(differ):,} of these images"
    most, median = (f"{value:.2g}" for value in (differ.max(), differ.median()))
    return f"the list's own scores of {of} (high_low_prob) differ from ours by up to {most} (median {median})"


def name_of(sample: Record) -> str:
    """`Deepfakes 000_001, frame 23, face 0`, or the path of an image that isn't named so."""
    if not sample["video_name"]:
        return str(sample["path"])
    return f"{sample['method']} {sample['video_name']}, frame {sample['frame']}, face {sample['face']}"


def write(paths: Paths, table: pd.DataFrame, frames: Path, shards: Mapping[str, Sequence[Path]], files: Files) -> None:
    """Draw every sample's pictures and publish page, table and summary.

    Args:
        paths: of the run.
        table: as of `advxai.samples.images`.
        frames: the database of the samples' images.
        shards: row -> its shards of samples.
        files: to write.

    Raises:
        InputError: a shard is damaged, or lacks a sample or has another image's.
    """
    config, classes = paths.config, paths.classes
    samples: dict[str, dict[str, Any]] = {row["key"]: row for row in records(table)}
    numbers = {key: number for number, key in enumerate(samples)}
    forms: dict[str, str] = {}
    bar = Bar(total=len(samples) * len(shards), desc="samples", unit="picture")
    with published_folder(files.pictures, alone=True) as folder, FrameStore(frames) as store:
        for row, listed in shards.items():
            (folder / row).mkdir()
            for record in _of(listed, samples):
                sample = samples[record["key"]]
                _judge(sample, record, classes)
                sample[f"explained_{row}"] = _class(config.explainers[row].method, record, classes)
                forms[row] = form_of(config.explainers[row].method, record)
                face = _face(store, sample, record, config.detector.resizing)
                name = _file_name(sample, numbers[record["key"]])
                draw(face, record, config.explainers[row].method, title(sample, row), folder / row / name)
                sample[f"overlay_{row}"] = f"{files.pictures.name}/{row}/{name}"
                bar.update()
    bar.close()
    progress.tell(n=len(samples) * len(shards), unit="picture")
    absent = [key for key, sample in samples.items() for row in shards if f"overlay_{row}" not in sample]
    if absent:
        raise InputError(
            f"{absent[0]} and {len(absent) - 1} more have no map: run again with `--forcerun samples_shard`."
        )
    found = pd.DataFrame(samples.values()).drop(columns=["file", "label", "category", "video"])
    publish(files.table, lambda path: found.to_csv(path, index=False, lineterminator="\n"))
    said = summary(found, list(shards), classes, files.page)
    publish_text(files.summary, f"{said}\n")
    publish_text(files.page, _page(paths, found, list(shards), forms, said))


def summary(found: pd.DataFrame, rows: Sequence[str], classes: Classes, page: Path) -> str:
    """The closing line: how many samples of each outcome.

    Args:
        found: with `outcome`, and `differs` as of `beside`.
        rows: that explained.
        classes: the detector's, for its threshold.
        page: of the gallery.
    """
    counts = Counter(found["outcome"])
    by = "the likeliest class" if classes.threshold is None else f"p(fake) >= {classes.threshold:g}"
    listed = ", ".join(f"{counts[name]} {name} ({said})" for name, said in OUTCOMES.items())
    scores = f"; {said}" if (said := beside(found)) else ""
    number = f"{len(found):,} sample{'' if len(found) == 1 else 's'}"
    return f"{number} explained by {', '.join(rows)}: {listed}; called fake by {by}{scores}. Gallery: {page}"


def _of(shards: Sequence[Path], samples: Mapping[str, Record]) -> Iterator[Record]:
    """The shards' records of the samples' very images."""
    for shard in shards:
        for record in stream_shard(shard):
            if record["key"] not in samples or samples[record["key"]]["sha256"] != record["sha256"]:
                raise InputError(f"{shard} has {record['key']}, which the list hasn't so: delete it and run again.")
            yield record


def _judge(sample: dict[str, Any], record: Record, classes: Classes) -> None:
    """What the detector says of a sample; each row's records have it."""
    fake, p_fake = not bool(classes.called_real(record["before"])), float(classes.p_fake(record["before"]))
    sample |= {
        "p_fake": p_fake,
        "differs": abs(p_fake - sample["high_low_prob"]),
        "called": "fake" if fake else "real",
        "outcome": outcome(bool(sample["fake"]), fake),
    }


def _class(method: str, record: Record, classes: Classes) -> str:
    """The name of the class that a map explains."""
    return "no class" if method in OF_NO_CLASS else classes.names[int(record["target"])]


def _face(store: FrameStore, sample: Record, record: Record, resize: Resize) -> Any:
    crop = store.image(sample["key"], sample["sha256"])
    return unit_of(crop, record["map"].shape[0], resize)


def _file_name(sample: Record, number: int) -> str:
    said = [sample[name] for name in ("method", "video_name", "frame", "face")] if sample["video_name"] else []
    plain = "_".join(map(str, said)) or Path(sample["path"]).stem
    safe = "".join(letter if letter.isalnum() or letter in "_-." else "_" for letter in plain)
    return f"{number:05d}_{fitting(safe, NAMED)}.png"


def _page(paths: Paths, found: pd.DataFrame, rows: Sequence[str], forms: Mapping[str, str], said: str) -> str:
    entries = {row: entry for row, entry in paths.config.of_kind("explainer").items() if row in rows}
    samples = [
        {
            **sample,
            "name": name_of(sample),
            "title": title(sample, "")[1],
            "explained": explained(sample, rows),
            "pictures": {row: quote(sample[f"overlay_{row}"]) for row in rows},
        }
        for sample in records(found)
    ]
    counts = Counter((sample["method"] or OTHER, sample["outcome"]) for sample in samples)
    methods = sorted({method for method, _ in counts})
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        css=environment.filters["safe"](style()),
        note=paths.outputs.samples_note,
        outcomes=OUTCOMES,
        methods=methods,
        counts={method: {name: counts[method, name] for name in OUTCOMES} for method in methods},
        other=OTHER,
        rows=rows,
        forms={row: forms.get(row, "heat") for row in rows},
        meanings=together(meanings(entries, paths.config.detector.channel_tokens)),
        samples=samples,
        real=paths.classes.real_name,
        picked=PICKED if paths.config.samples.list is None else "",
        said=said.partition(" Gallery: ")[0],
    )
