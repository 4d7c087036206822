"""Figure of every row's value by every headline measure."""

from pathlib import Path

from advxai.answer.rows import rows_of
from advxai.common import parquet
from advxai.config import load
from advxai.metrics.registry import all_columns
from advxai.report.scorecard import scorecard_figure
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    scorecard_figure(
        parquet.read(snakemake.input[0]),
        list(all_columns(config).values()),
        rows_of(config),
        Path(snakemake.output[0]),
        snakemake.params.note,
        snakemake.params.dpi,
    )
