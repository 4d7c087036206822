"""The report: what was run, tables, figures, and a gallery of all explained images."""

from pathlib import Path

from advxai.config import load
from advxai.report.page.make import report
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    report(
        Paths(load(snakemake.config)),
        Path(snakemake.input.detector),
        [Path(path) for path in snakemake.input.not_explained],
    )
