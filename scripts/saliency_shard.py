"""Maps, segments and rankings of one explainer on one shard's images."""

from pathlib import Path

from advxai.adversary import adversarial_images
from advxai.config import load
from advxai.jobs import image_loader, job, open_detector, read_items
from advxai.paths import Paths, write_params
from advxai.saliency import run
from advxai.store import complete

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    name = snakemake.wildcards.explainer
    detector = open_detector(config, snakemake.input.detector)
    image = image_loader(snakemake.input.frames)
    copies = (
        adversarial_images(Path(snakemake.input.adversary[0]), detector, config.adversary)
        if paths.needs_adversary(name)
        else None
    )
    write_params(paths.saliency(name), paths.saliency_params(name))
    complete(
        Path(snakemake.output[0]),
        read_items(snakemake.input.images),
        lambda items: run(items, image, detector, config.explainers[name], config.seed, config.images_at_once, copies),
        folder=paths.saliency(name),
        attributes={"explainer": name},
        title=f"{name} {snakemake.wildcards.shard}",
    )
