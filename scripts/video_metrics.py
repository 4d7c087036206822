"""All measures of one explainer on one shard's clips, besides the segment attacks."""

from functools import lru_cache
from pathlib import Path

from advxai.common import parquet
from advxai.common.limit import Limit
from advxai.common.rows import rows as records
from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.faces.mask import mask_of
from advxai.frames.counterparts import Counterparts
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete, read_shard
from advxai.video.measures import Subjects
from advxai.video.rows import metrics_rows

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    name = snakemake.wildcards.explainer
    paths.video_metrics(name).require(snakemake.wildcards.digest)  # its code may have been edited meanwhile
    items = read_items(snakemake.input.clips)
    keys = {frame["key"] for item in items for frame in item["frames"]}
    faces = {row["key"]: row for row in records(parquet.read(snakemake.input.manifest)) if row["key"] in keys}
    subjects = Subjects(
        {record["key"]: record for record in read_shard(Path(snakemake.input.saliency))},
        lru_cache(maxsize=64)(lambda key: mask_of(faces[key])),  # of a clip's frames
        Counterparts(*snakemake.input.counterparts),
        paths.classes,
        config.detector.resizing.fit,
    )

    def start(items, image, detector):
        from advxai.video.measured import run

        at_once = Limit.of(snakemake.resources)
        return run(items, image, detector, subjects, config.video, paths.clip_score, at_once)

    forwards = Forwards(paths, snakemake.input, start, made_for=name)
    output = Path(snakemake.output.records)
    paths.video_measures.describe()
    paths.video_metrics(name).describe()
    complete(
        output,
        subjects.items(items),
        forwards,
        folder=paths.video_measures.path,
        title=f"video metrics {name} {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: {"explainer": name, **forwards.spent},
        unit="clip",
    )
    table = metrics_rows(name, items, read_shard(output), config.video)
    parquet.write(table.assign(weights=forwards.weights), snakemake.output.rows)
