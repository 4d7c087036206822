"""Segments in the order of one control or ceiling, on one shard's images: no forward, no torch."""

from pathlib import Path

import cv2

from advxai.common import parquet
from advxai.config import load
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import FrameStore
from advxai.media.retinaface import RetinaFace
from advxai.run.environment import made_without_torch
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete
from advxai.run.weights import read_hash
from advxai.saliency.beside import Sources, hosts_of, run
from advxai.saliency.prior import FOUND_BY, NETWORK, read

with job(snakemake.log, snakemake.input):
    cv2.setNumThreads(1)
    paths = Paths(load(snakemake.config))
    config = paths.config
    name, inputs = snakemake.wildcards.explainer, snakemake.input
    sources = Sources(
        FrameStore(Path(inputs.frames)),
        faces=parquet.read(inputs.manifest[0]).set_index("key", drop=False) if inputs.manifest else None,
        counterparts=Counterparts(*inputs.counterparts) if inputs.counterparts else None,
        prior=read(Path(inputs.prior[0])) if inputs.prior else None,
        network=RetinaFace(Path(inputs.network[0]), **NETWORK) if inputs.network else None,
        fit=config.detector.resizing.fit,
    )

    def compute(items):
        hosts = hosts_of(Path(inputs.host), paths.classes)
        for record in run(items, hosts, config.explainers[name], config.seed, sources.see):
            yield {**record, "made_with": made_without_torch(*([FOUND_BY] if inputs.network else []))}

    weights = read_hash(Path(inputs.weights))
    folder = paths.saliency(name)
    folder.describe()
    complete(
        Path(snakemake.output[0]),
        sources.with_given(read_items(inputs.images)),
        compute,
        folder=folder.path,
        title=f"{name} {snakemake.wildcards.shard}",
        weights=weights,
        attributes=lambda: {"explainer": name, "images": 0, "calls": 0},
        later=paths.later("saliency", weights),
    )
