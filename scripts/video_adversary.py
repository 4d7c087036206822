"""Adversarial copies of one shard's clips: each frame by NES, until the clip is called real."""

from pathlib import Path

from advxai.common.limit import Limit
from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    folder = paths.video_adversary

    def start(items, image, detector):
        from advxai.video.adversary import run

        at_once = Limit.of(snakemake.resources)
        return run(items, image, detector, config.adversary, paths.clip_score, config.seed, at_once)

    forwards = Forwards(paths, snakemake.input, start)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        read_items(snakemake.input.clips),
        forwards,
        folder=folder.path,
        title=f"video adversary {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: {"alpha": config.adversary.step, **forwards.spent},
        unit="clip",
    )
