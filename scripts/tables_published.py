"""The paper's tables with this run's readings of their rows beside them: accuracy, sufficiency, cost."""

from advxai import parquet
from advxai.config import load
from advxai.jobs import job
from advxai.paths import Paths
from advxai.tables.beside import published_accuracy_table, published_cost_table, published_sufficiency_table
from advxai.tables.compute import Axes
from advxai.tables.left_out import noted
from advxai.tables.write import write

BESIDE = {
    "accuracy": published_accuracy_table,
    "sufficiency": published_sufficiency_table,
    "cost": published_cost_table,
}

with job(snakemake.log):
    config = load(snakemake.config)
    folder = Paths(config).run / "tables"
    note = noted(snakemake.params.note, snakemake.input.not_explained)
    axes = Axes(list(config.explainers), list(config.corpus.categories), config.evaluation.top)
    readings = {name: entry.published for name, entry in config.explainers.items() if entry.published is not None}
    for name, table in BESIDE.items():
        ours = parquet.read(snakemake.input[name])
        write(table(ours, axes, readings), folder / f"published_{name}", note)
