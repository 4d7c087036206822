"""Adversarial copies of one shard's images."""

from pathlib import Path

from advxai.config import load
from advxai.digests import LATER
from advxai.jobs import Forwards, job, read_items
from advxai.paths import Paths
from advxai.store import complete

with job(snakemake.log):
    config = load(snakemake.config)
    folder = Paths(config).adversary

    def start(items, image, detector):
        from advxai.adversary import run

        return run(items, image, detector, config.adversary, config.seed, snakemake.resources.images_at_once)

    forwards = Forwards(config, snakemake.input.detector, snakemake.input.frames, start)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        read_items(snakemake.input.images),
        forwards,
        folder=folder.path,
        title=f"adversary {snakemake.wildcards.shard}",
        attributes=lambda: {"alpha": config.adversary.step, **forwards.spent},
        later=LATER["adversary"],
    )
