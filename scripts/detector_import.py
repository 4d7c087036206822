"""Read a checkpoint, check it against the configuration, store it as safetensors."""

import logging
from pathlib import Path

from advxai.config import load
from advxai.detector import checkpoint
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.run.settings import about
from advxai.run.weights import seal, source_sha256

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    for line in paths.read_lines:
        logging.info("%s", line)
    detector = checkpoint.load(
        config.detector.uncompiled,
        Path(snakemake.input.checkpoint),
        forward_batch=1,
        device="cpu",
        classes=paths.classes,
    )
    paths.detector.describe()
    checkpoint.save(
        Path(snakemake.output[0]),
        detector.module or detector.graph,
        model=config.detector.model,
        preprocessing=detector.preprocessing,
        classes=paths.written_classes,
        checkpoint=source_sha256(Path(snakemake.input.checkpoint)),
        about=about(config),
    )
    seal(paths.weights)
    checkpoint.keep_graph(detector, config.detector, paths.weights)
