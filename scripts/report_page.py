"""The report: what was run, tables, figures, and a gallery of all explained images."""

from pathlib import Path

from advxai.config import load
from advxai.jobs import job
from advxai.paths import Paths
from advxai.report.page.make import report

with job(snakemake.log, snakemake.input):
    report(
        Paths(load(snakemake.config)),
        Path(snakemake.input.detector),
        [Path(path) for path in snakemake.input.not_explained],
    )
