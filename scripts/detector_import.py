"""Read the user's checkpoint, check it against the configuration, store it as safetensors."""

from pathlib import Path

from advxai.config import load
from advxai.detector import checkpoint
from advxai.jobs import job
from advxai.paths import Paths, write_params

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    detector = checkpoint.load(config.detector, Path(snakemake.input.checkpoint), forward_batch=1, device="cpu")
    write_params(paths.detector, paths.detector_params)
    checkpoint.save(
        Path(snakemake.output[0]),
        detector.module,
        model=config.detector.model,
        preprocessing=detector.preprocessing,
    )
