"""Train the detector on the train split; an interrupted training goes on from its last epoch."""

from pathlib import Path

from advxai import parquet
from advxai.config import load
from advxai.detector.train import train
from advxai.frames.database import FrameStore
from advxai.jobs import job
from advxai.paths import Paths

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    rows = parquet.read(snakemake.input.rows)
    initial = [str(path) for path in snakemake.input.get("initial", [])]
    paths.detector.describe()
    train(
        config.detector,
        # the run's own database, which any run that trains has
        FrameStore(paths.run / "frames/frames.lmdb"),
        rows[rows["split"] == "train"].reset_index(drop=True),
        rows[rows["split"] == "val"].reset_index(drop=True),
        seed=config.seed,
        out_dir=paths.detector.path,
        initial=Path(initial[0]) if initial else None,
    )
