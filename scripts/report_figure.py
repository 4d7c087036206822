"""One figure: an image of each category, its adversarial copy, and maps of explainers that differ in their baseline."""

from pathlib import Path

from advxai import parquet
from advxai.config import load
from advxai.distortion import Distortion
from advxai.frames.database import FrameStore
from advxai.jobs import job
from advxai.paths import Paths
from advxai.report.figure import explainer_figure
from advxai.report.panels import panel, read_preprocessing
from advxai.report.pick import last_rows, pick, picked
from advxai.tables.read import evaluation

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    names = list(snakemake.params.explainers)
    rows = evaluation(snakemake.input.evaluation)
    manifest = parquet.read(snakemake.input.manifest).set_index("key", drop=False)
    chosen = list(pick(rows, list(config.corpus.categories)).values())
    maps = {name: picked(paths.maps_of(name), paths, chosen) for name in names}
    copies = picked(paths.copies, paths, chosen)
    size, mean, std = read_preprocessing(Path(snakemake.input.detector))
    distortion = Distortion(config.adversary, mean[:, None, None], std[:, None, None])
    frames = FrameStore(Path(snakemake.input.frames))
    panels = [
        panel(
            manifest.loc[key].to_dict(),
            frames,
            {name: maps[name][key] for name in names},
            last_rows(rows, key, names),
            copies.get(key),
            methods={name: config.explainers[name].method for name in names},
            size=size,
            distortion=distortion,
        )
        for key in chosen
    ]
    title = f"{' and '.join(names)} on {config.detector.model}"
    explainer_figure(panels, Path(snakemake.output[0]), title, config.evaluation.top, config.report.dpi)
