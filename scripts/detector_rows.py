"""Choose the images that the detector is trained and validated on."""

import pandas as pd

from advxai import parquet
from advxai.config import load
from advxai.frames.sampling import balanced
from advxai.jobs import job
from advxai.paths import Paths

with job(snakemake.log):
    config = load(snakemake.config)
    manifest = parquet.read(snakemake.input.manifest)
    per_video = config.detector.training.frames_per_video
    splits = [name for name in ("train", "val") if name in set(manifest["split"])]
    Paths(config).detector.describe()
    parquet.write(
        pd.concat([manifest[:0], *(balanced(manifest, name, per_video, config.seed) for name in splits)]),
        snakemake.output[0],
    )
