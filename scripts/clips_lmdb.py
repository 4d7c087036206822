"""Store every crop of the clips in an LMDB of their own, verified by hash."""

from pathlib import Path

from advxai.clips.manifest import CUT
from advxai.common import parquet
from advxai.config import load
from advxai.frames.database import build
from advxai.run.jobs import job
from advxai.run.scratch import scratch_folder

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    frames = parquet.read(snakemake.input.frames)
    build(frames, Path(snakemake.output[0]), scratch_folder(config.scratch), remedy=CUT)
