"""Figure of how far the measures order the explainers alike."""

from pathlib import Path

from advxai.answer.agreement import agreement
from advxai.answer.rows import rows_of
from advxai.common import parquet
from advxai.config import load
from advxai.metrics.registry import all_columns
from advxai.report.agreement import agreement_figure
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    found = agreement(parquet.read(snakemake.input[0]), list(all_columns(config).values()), rows_of(config))
    agreement_figure(found, Path(snakemake.output[0]), snakemake.params.note, snakemake.params.dpi)
