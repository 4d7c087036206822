"""One figure: an image of each category, its adversarial copy, and maps of explainers that differ in their baseline."""

from pathlib import Path

from advxai import parquet
from advxai.config import load
from advxai.jobs import job
from advxai.paths import Paths
from advxai.report.figure import explainer_figure
from advxai.report.panels import panels_of
from advxai.report.pick import pick
from advxai.tables.read import evaluation

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    rows = evaluation(snakemake.input.evaluation)
    faces = parquet.read(snakemake.input.manifest).set_index("key", drop=False)
    keys = list(pick(rows, list(config.corpus.categories)).values())
    panels = panels_of(paths, keys, rows, faces, Path(snakemake.input.detector), paths.copies)
    title = f"{' and '.join(snakemake.params.explainers)} on {config.detector.model}"
    explainer_figure(panels, Path(snakemake.output[0]), title, config.evaluation.top, config.report.dpi)
