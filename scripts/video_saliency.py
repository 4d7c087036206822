"""Maps over time of one explainer on one shard's clips."""

from pathlib import Path

from advxai.adversary.copies import with_copies
from advxai.common.limit import Limit
from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete
from advxai.saliency.given import with_given
from advxai.video.given import counterparts_id, frame_keys
from advxai.video.hosts import hosts_of

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    name = snakemake.wildcards.explainer
    entry = config.video.explainers[name]

    filling = None
    if snakemake.input.counterparts:
        from advxai.frames.counterparts import Counterparts

        filling = Counterparts(*snakemake.input.counterparts)

    def start(items, image, detector):
        from advxai.adversary import adversarial_images
        from advxai.video.saliency import run

        copies = None
        if paths.clips_need_adversary(name):
            copies = adversarial_images(Path(snakemake.input.adversary[0]), detector, config.adversary)
        return run(
            items,
            image,
            detector,
            entry,
            hosts_of(Path(snakemake.input.scores)),
            paths.clip_score,
            config.seed,
            Limit.of(snakemake.resources),
            copies,
            filling,
            row=name,
        )

    forwards = Forwards(paths, snakemake.input, start, entry.packages)
    items = read_items(snakemake.input.clips)
    if paths.clips_need_adversary(name):
        items = with_copies(items, Path(snakemake.input.adversary[0]))
    if filling is not None:
        frames = {item["key"]: frame_keys(item) for item in items}
        items = with_given(items, lambda key: counterparts_id(filling, frames[key]))
    folder = paths.video_saliency(name)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        items,
        forwards,
        folder=folder.path,
        title=f"video {name} {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: {"explainer": name, **forwards.spent},
        unit="clip",
    )
