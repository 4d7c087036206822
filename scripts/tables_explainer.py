"""Table of one explainer."""

from pathlib import Path

from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.compute import Axes
from advxai.tables.layout import explainer_table
from advxai.tables.left_out import noted
from advxai.tables.read import evaluation, explanations
from advxai.tables.write import write

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    note = noted(snakemake.params.note, snakemake.input.not_explained)
    name = snakemake.wildcards.explainer
    table = explainer_table(
        evaluation(snakemake.input.evaluation),
        explanations(name, snakemake.input.saliency, paths.classes),
        Axes.of(paths, [name]),
    )
    write(table, Path(snakemake.output[0]).with_suffix(""), note)
