"""Tables of all explainers: accuracy, sufficiency, cost, flips."""

import pandas as pd

from advxai.config import load
from advxai.jobs import job
from advxai.paths import Paths
from advxai.tables.compute import Axes, clean_predictions
from advxai.tables.layout import accuracy_table, cost_table, flips_table, sufficiency_table
from advxai.tables.left_out import noted
from advxai.tables.read import evaluation, explanations
from advxai.tables.write import write

with job(snakemake.log):
    config = load(snakemake.config)
    note = noted(snakemake.params.note, snakemake.input.not_explained)
    paths = Paths(config)
    axes = Axes(list(config.explainers), list(config.corpus.categories), config.evaluation.top)
    rows = evaluation(snakemake.input.evaluation)
    spent = pd.concat(
        [explanations(name, paths.maps_of(name)) for name in config.explainers],
        ignore_index=True,
    )
    tables = {
        "accuracy": accuracy_table(rows, clean_predictions(rows, spent), axes),
        "sufficiency": sufficiency_table(rows, axes),
        "cost": cost_table(spent, axes),
        "flips": flips_table(rows, axes),
    }
    for name, table in tables.items():
        write(table, paths.run / "tables" / name, note)
