"""Read the user's checkpoint, check it against the configuration, store it as safetensors."""

from pathlib import Path

from advxai.config import load
from advxai.detector import checkpoint
from advxai.jobs import job
from advxai.paths import Paths

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    detector = checkpoint.load(config.detector, Path(snakemake.input.checkpoint), forward_batch=1, device="cpu")
    paths.detector.describe()
    checkpoint.save(
        Path(snakemake.output[0]),
        detector.module,
        model=config.detector.model,
        preprocessing=detector.preprocessing,
    )
