"""Tables of the measures besides the segment attacks: metrics, localisation."""

from advxai.config import load
from advxai.metrics.registry import measured_columns
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.compute import Axes
from advxai.tables.left_out import noted
from advxai.tables.measured import measured_tables
from advxai.tables.read import metrics
from advxai.tables.write import write

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    note = noted(snakemake.params.note, snakemake.input.not_explained)
    tables = measured_tables(metrics(snakemake.input.metrics), measured_columns(config), Axes.of(paths))
    for name, table in tables.items():
        write(table, paths.run / "tables" / name, note)
