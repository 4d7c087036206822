"""Cut the faces out of one shard's videos."""

from pathlib import Path

import cv2

from advxai.common import parquet
from advxai.config import load
from advxai.faces.extract import extract
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.scratch import scratch_folder

with job(snakemake.log, snakemake.input):
    cv2.setNumThreads(snakemake.threads)
    paths = Paths(load(snakemake.config))
    config = paths.config
    faces, left_out = extract(
        read_items(snakemake.input.videos),
        Path(snakemake.input.model),
        paths.faces.path,
        threads=snakemake.threads,
        scratch=scratch_folder(config.scratch),
        **config.faces.model_dump(exclude={"model"}),
    )
    paths.faces.describe()
    parquet.write(left_out, snakemake.output.left_out)
    parquet.write(faces, snakemake.output.faces)
