"""Tables of all explainers: accuracy, sufficiency, cost, flips."""

import pandas as pd

from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.all import combined
from advxai.tables.compute import Axes
from advxai.tables.left_out import noted
from advxai.tables.read import evaluation, explanations
from advxai.tables.write import write

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    note = noted(snakemake.params.note, snakemake.input.not_explained)
    paths = Paths(config)
    axes = Axes.of(paths)
    spent = pd.concat(
        [explanations(name, paths.maps_of(name), paths.classes) for name in config.explainers],
        ignore_index=True,
    )
    for name, table in combined(evaluation(snakemake.input.evaluation), spent, axes).items():
        write(table, paths.run / "tables" / name, note)
