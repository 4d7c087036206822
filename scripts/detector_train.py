"""Train the detector on the train split; an interrupted training goes on from its last epoch."""

from pathlib import Path

import pandas as pd

from advxai.config import load
from advxai.detector.train import train
from advxai.frames.database import FrameStore
from advxai.frames.sampling import balanced
from advxai.jobs import job
from advxai.paths import Paths, write_params

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    manifest = pd.read_parquet(snakemake.input.manifest)
    per_video = config.detector.training.frames_per_video
    rows = {
        name: balanced(manifest, name, per_video, config.seed) if name in set(manifest["split"]) else manifest[:0]
        for name in ("train", "val")
    }
    initial = [str(path) for path in snakemake.input.get("initial", [])]
    write_params(paths.detector, paths.detector_params)
    train(
        config.detector,
        FrameStore(Path(snakemake.input.frames)),
        rows["train"],
        rows["val"],
        seed=config.seed,
        out_dir=paths.detector,
        initial=Path(initial[0]) if initial else None,
    )
