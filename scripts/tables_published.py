"""The paper's tables with this run's readings of their rows beside them: accuracy, sufficiency, cost."""

from advxai.common import parquet
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.all import published
from advxai.tables.compute import Axes
from advxai.tables.left_out import noted
from advxai.tables.write import write

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    note = noted(snakemake.params.note, snakemake.input.not_explained)
    axes = Axes.of(paths)
    ours = {name: parquet.read(snakemake.input[name]) for name in ("accuracy", "sufficiency", "cost")}
    for name, table in published(ours, axes, paths.outputs.readings).items():
        write(table, paths.run / "tables" / f"published_{name}", note)
