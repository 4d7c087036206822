"""Segment attacks over time of one explainer on one shard's clips."""

from pathlib import Path

from advxai.common import parquet
from advxai.common.limit import Limit
from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete, read_shard
from advxai.video.rows import RANKED, attack_items, attack_rows

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    name, top = snakemake.wildcards.explainer, config.video.top

    def start(items, image, detector):
        from advxai.video.attacks import run

        at_once = Limit.of(snakemake.resources)
        return run(items, image, detector, config.evaluation, paths.clip_score, config.seed, at_once)

    forwards = Forwards(paths, snakemake.input, start, made_for=name)
    items = read_items(snakemake.input.clips)
    saliency = {record["key"]: record for record in read_shard(Path(snakemake.input.saliency), RANKED)}
    attacks = Path(snakemake.output.attacks)
    paths.video_attacks.describe()
    paths.video_evaluation(name).require(snakemake.wildcards.digest)  # its code may have been edited meanwhile
    paths.video_evaluation(name).describe()
    complete(
        attacks,
        attack_items(items, saliency, top),
        forwards,
        folder=paths.video_attacks.path,
        title=f"video attacks {name} {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: {"explainer": name, **forwards.spent},
        unit="attack",
    )
    rows = attack_rows(name, items, saliency, read_shard(attacks), top=top, classes=paths.classes)
    parquet.write(rows.assign(weights=forwards.weights), snakemake.output.rows)
