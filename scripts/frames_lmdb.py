"""Store every crop of the manifest in an LMDB, verified by hash."""

from pathlib import Path

from advxai import parquet
from advxai.frames.database import build
from advxai.jobs import job

with job(snakemake.log):
    build(parquet.read(snakemake.input.manifest), Path(snakemake.output[0]))
