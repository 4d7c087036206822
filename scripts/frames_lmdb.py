"""Store every crop of the manifest in an LMDB, verified by hash."""

from pathlib import Path

from advxai.common import parquet
from advxai.config import load
from advxai.frames.database import CUT, LISTED_ANEW, build
from advxai.run.jobs import job
from advxai.run.scratch import scratch_folder

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    remedy = CUT if config.frames.crops is None else LISTED_ANEW
    manifest = parquet.read(snakemake.input.manifest)
    build(manifest, Path(snakemake.output[0]), scratch_folder(config.scratch), remedy=remedy)
