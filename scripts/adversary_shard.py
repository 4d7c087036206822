"""Adversarial copies of one shard's images."""

from pathlib import Path

from advxai.adversary import run
from advxai.config import load
from advxai.jobs import image_loader, job, open_detector, read_items
from advxai.paths import Paths, write_params
from advxai.store import complete

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    detector = open_detector(config, snakemake.input.detector)
    image = image_loader(snakemake.input.frames)
    write_params(paths.adversary, paths.adversary_params)
    complete(
        Path(snakemake.output[0]),
        read_items(snakemake.input.images),
        lambda items: run(items, image, detector, config.adversary, config.seed, config.images_at_once),
        folder=paths.adversary,
        attributes={"alpha": config.adversary.step},
        title=f"adversary {snakemake.wildcards.shard}",
    )
