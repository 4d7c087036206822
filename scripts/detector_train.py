"""Train the detector on the train split; an interrupted training goes on from its last epoch."""

from pathlib import Path

from advxai.common import parquet
from advxai.config import load
from advxai.detector.checkpoint import ready
from advxai.detector.train import train
from advxai.frames.database import FrameStore
from advxai.frames.manifest import known
from advxai.frames.sampling import for_training
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.run.weights import seal

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    folder = paths.detector
    manifest = known(parquet.read(snakemake.input.manifest), paths.learnt)
    manifest["label"] = manifest["category"].map(paths.classes.label)
    rows = {
        name: for_training(manifest, name, config.detector.training, config.seed, paths.classes)
        for name in ("train", "val")
    }
    initial = [str(path) for path in snakemake.input.get("initial", [])]
    folder.describe()
    train(
        config.detector,
        FrameStore(Path(snakemake.input.frames)),
        rows["train"],
        rows["val"],
        seed=config.seed,
        out_dir=folder.path,
        initial=Path(initial[0]) if initial else None,
        classes=paths.written_classes,
    )
    seal(paths.weights)
    ready(config.detector, paths.weights)
