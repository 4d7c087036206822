"""Segments of one shard's clips, and what the detector says of each clip and each of its frames."""

from pathlib import Path

from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    folder = paths.video_scores

    def start(items, image, detector):
        from advxai.video.scores import run

        return run(items, image, detector, config.video.segments, paths.clip_score)

    forwards = Forwards(paths, snakemake.input, start)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        read_items(snakemake.input.clips),
        forwards,
        folder=folder.path,
        title=f"video scores {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: dict(forwards.spent),
        unit="clip",
    )
