"""Maps, segments and rankings of one explainer on one shard's images."""

from functools import partial
from pathlib import Path

from advxai.adversary.copies import with_copies
from advxai.common.limit import Limit
from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete
from advxai.saliency.given import counterpart_id, with_given

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    name = snakemake.wildcards.explainer

    filling = None
    if snakemake.input.counterparts:
        from advxai.frames.counterparts import Counterparts

        filling = Counterparts(*snakemake.input.counterparts)

    def start(items, image, detector):
        from advxai.adversary import adversarial_images
        from advxai.saliency import run

        copies = None
        if paths.needs_adversary(name):
            copies = adversarial_images(Path(snakemake.input.adversary[0]), detector, config.adversary)
        at_once = Limit.of(snakemake.resources)
        entry = config.explainers[name]
        return run(items, image, detector, entry, config.seed, at_once, copies, filling, row=name)

    forwards = Forwards(paths, snakemake.input, start, config.explainers[name].packages)
    items = read_items(snakemake.input.images)
    if paths.needs_adversary(name):
        items = with_copies(items, Path(snakemake.input.adversary[0]))
    if filling is not None:
        items = with_given(items, partial(counterpart_id, filling))
    folder = paths.saliency(name)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        items,
        forwards,
        folder=folder.path,
        title=f"{name} {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: {"explainer": name, **forwards.spent},
        later=paths.later("saliency", forwards.weights),
    )
