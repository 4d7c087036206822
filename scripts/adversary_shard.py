"""Adversarial copies of one shard's images."""

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
    folder = paths.adversary

    def start(items, image, detector):
        from advxai.adversary import run

        return run(items, image, detector, config.adversary, config.seed, Limit.of(snakemake.resources))

    forwards = Forwards(paths, snakemake.input, start)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        read_items(snakemake.input.images),
        forwards,
        folder=folder.path,
        title=f"adversary {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: {"alpha": config.adversary.step, **forwards.spent},
        later=paths.later("adversary", forwards.weights),
    )
