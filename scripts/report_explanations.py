"""Figure of all explainers' maps on one image of each category, with its original."""

from pathlib import Path

from advxai import parquet
from advxai.config import load
from advxai.frames.database import FrameStore
from advxai.jobs import job
from advxai.paths import Paths
from advxai.report.explanations import TEXT, Column, explanations_figure
from advxai.report.originals import original_of
from advxai.report.panels import panels_of
from advxai.report.pick import pick
from advxai.tables.read import evaluation

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    rows = evaluation(snakemake.input.evaluation)
    faces = parquet.read(snakemake.input.manifest).set_index("key", drop=False)
    keys = list(pick(rows, list(config.corpus.categories)).values())
    panels = panels_of(paths, keys, rows, faces, Path(snakemake.input.detector), [])
    frames = FrameStore(Path(snakemake.input.frames))
    columns = [
        Column(panel, original_of(faces.loc[key].to_dict(), paths.corpus_root, frames))
        for key, panel in zip(keys, panels, strict=True)
    ]
    text = f"{TEXT}\n{snakemake.params.note}"
    explanations_figure(columns, Path(snakemake.output[0]), text, config.evaluation.top, config.report.dpi)
