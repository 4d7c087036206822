"""The paper's tables with this run's readings of their rows beside them: accuracy, sufficiency, cost."""

import pandas as pd

from advxai import parquet
from advxai.config import load
from advxai.jobs import job
from advxai.paths import Paths
from advxai.tables.beside import published_accuracy_table, published_cost_table, published_sufficiency_table
from advxai.tables.compute import Axes, clean_predictions
from advxai.tables.left_out import not_explained
from advxai.tables.read import evaluation, explanations
from advxai.tables.write import write

with job(snakemake.log):
    config = load(snakemake.config)
    note = " ".join(map(not_explained, map(parquet.read, snakemake.input.not_explained)))
    note = f"{snakemake.params.note} {note}".strip()
    paths = Paths(config)
    axes = Axes(list(config.explainers), list(config.corpus.categories), config.evaluation.top)
    readings = {name: entry.published for name, entry in config.explainers.items() if entry.published is not None}
    rows = evaluation(snakemake.input.evaluation)
    spent = pd.concat(
        [explanations(name, paths.maps_of(name)) for name in config.explainers],
        ignore_index=True,
    )
    tables = {
        "published_accuracy": published_accuracy_table(rows, clean_predictions(rows, spent), axes, readings),
        "published_sufficiency": published_sufficiency_table(rows, axes, readings),
        "published_cost": published_cost_table(spent, axes, readings),
    }
    for name, table in tables.items():
        write(table, paths.run / "tables" / name, note)
