"""Segments of clips in the order of one control or ceiling, on one shard's clips: no forward, no torch."""

from pathlib import Path

import cv2

from advxai.common import parquet
from advxai.config import load
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import FrameStore
from advxai.run.environment import made_without_torch
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete
from advxai.run.weights import read_hash
from advxai.video.control import Sources, run
from advxai.video.hosts import hosts_of

with job(snakemake.log, snakemake.input):
    cv2.setNumThreads(1)
    paths = Paths(load(snakemake.config))
    config = paths.config
    name, inputs = snakemake.wildcards.explainer, snakemake.input
    sources = Sources(
        FrameStore(Path(inputs.frames)),
        faces=parquet.read(inputs.manifest[0]).set_index("key", drop=False) if inputs.manifest else None,
        counterparts=Counterparts(*inputs.counterparts) if inputs.counterparts else None,
        fit=config.detector.resizing.fit,
    )

    def compute(items):
        hosts = hosts_of(Path(inputs.scores))
        for record in run(items, hosts, config.video.explainers[name], config.seed, sources, paths.classes):
            yield {**record, "made_with": made_without_torch()}

    folder = paths.video_saliency(name)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        sources.with_given(read_items(inputs.clips)),
        compute,
        folder=folder.path,
        title=f"video {name} {snakemake.wildcards.shard}",
        weights=read_hash(Path(inputs.weights)),
        attributes=lambda: {"explainer": name, "images": 0, "calls": 0},
        unit="clip",
    )
