"""Store every crop of the manifest in an LMDB, verified by hash."""

from pathlib import Path

from advxai.common import parquet
from advxai.config import load
from advxai.frames.database import build
from advxai.run.jobs import job
from advxai.run.scratch import scratch_folder

with job(snakemake.log, snakemake.input):
    scratch = scratch_folder(load(snakemake.config).scratch)
    build(parquet.read(snakemake.input.manifest), Path(snakemake.output[0]), scratch)
