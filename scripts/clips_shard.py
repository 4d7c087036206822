"""Cut the clips' faces out of one shard's videos."""

from pathlib import Path

import cv2

from advxai.clips.cut import cut
from advxai.common import parquet
from advxai.config import load
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.scratch import scratch_folder

with job(snakemake.log, snakemake.input):
    cv2.setNumThreads(snakemake.threads)
    paths = Paths(load(snakemake.config))
    config = paths.config
    frames, left_out = cut(
        read_items(snakemake.input.clips),
        Path(snakemake.input.model),
        paths.clip_crops.path,
        faces=config.faces,
        video=config.video,
        threads=snakemake.threads,
        scratch=scratch_folder(config.scratch),
    )
    paths.clip_crops.describe()
    parquet.write(left_out, snakemake.output.left_out)
    parquet.write(frames, snakemake.output.frames)
