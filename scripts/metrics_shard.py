"""All measures of one explainer on one shard's images, besides the segment attacks."""

from functools import lru_cache
from pathlib import Path

from advxai.common import parquet
from advxai.common.limit import Limit
from advxai.common.rows import rows
from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.faces.mask import mask_of
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import FrameStore
from advxai.metrics.registry import measures
from advxai.metrics.rows import metrics_rows
from advxai.metrics.stage import with_forwards, without_forwards
from advxai.metrics.subjects import Subjects
from advxai.run import progress
from advxai.run.environment import made_without_torch
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete, read_attributes, read_shard
from advxai.run.weights import read_hash

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    name = snakemake.wildcards.explainer
    paths.metrics(name).require(snakemake.wildcards.digest)  # the code that it is of may have been edited meanwhile
    items = read_items(snakemake.input.images)
    keys = {item["key"] for item in items}
    faces = {row["key"]: row for row in rows(parquet.read(snakemake.input.manifest)) if row["key"] in keys}
    subjects = Subjects(
        {record["key"]: record for record in read_shard(Path(snakemake.input.saliency))},
        FrameStore(Path(snakemake.input.frames)).image,
        lru_cache(maxsize=1)(lambda key: mask_of(faces[key])),  # what compares an image with its mask asks twice
        Counterparts(*snakemake.input.counterparts),
        paths.classes,
        config.detector.resizing.fit,
    )
    weights = read_hash(Path(snakemake.input.weights))
    found, counts = [], {"found": 0, "computed": 0}
    none = {"images": 0, "calls": 0}
    for (key, measure), output in zip(measures(config).items(), map(Path, snakemake.output.records), strict=True):
        if config.metrics[key].forwards:

            def start(missing, image, detector, measure=measure):
                return with_forwards(missing, subjects, measure, detector, Limit.of(snakemake.resources))

            compute = Forwards(paths, snakemake.input, start, made_for=name)
        else:

            def compute(missing, measure=measure):
                stamp = {"made_for": name, "made_with": made_without_torch()}
                paths.require_same_code()
                return ({**record, **stamp} for record in without_forwards(missing, subjects, measure))

        folder = paths.measure(key)
        folder.describe()
        complete(
            output,
            subjects.items(items, measure),
            compute,
            folder=folder.path,
            title=f"metrics {name} {key} {snakemake.wildcards.shard}",
            weights=weights,
            attributes=lambda compute=compute: {"explainer": name, **getattr(compute, "spent", none)},
        )
        found.append((measure, {record["key"]: record for record in read_shard(output)}))
        counts = {said: number + int(read_attributes(output)[said]) for said, number in counts.items()}
    progress.tell(**counts)
    paths.metrics(name).describe()
    table = metrics_rows(name, items, found)
    parquet.write(table.assign(weights=weights), snakemake.output.rows)
