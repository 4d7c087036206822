"""Segment attacks of one explainer on one shard's images."""

from pathlib import Path

from advxai.common import parquet
from advxai.common.limit import Limit
from advxai.config import load
from advxai.detector.forwards import Forwards
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.run.jobs import job, read_items
from advxai.run.paths import Paths
from advxai.run.store import complete, read_shard

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    name = snakemake.wildcards.explainer
    top, population = config.evaluation.top, config.evaluation.population

    def start(items, image, detector):
        from advxai.evaluation.attacks import run

        return run(items, image, detector, config.evaluation, config.seed, Limit.of(snakemake.resources))

    forwards = Forwards(paths, snakemake.input, start, made_for=name)
    items = read_items(snakemake.input.images)
    saliency = {record["key"]: record for record in read_shard(Path(snakemake.input.saliency))}
    attacks = Path(snakemake.output.attacks)
    paths.attacks.describe()
    paths.evaluation(name).require(snakemake.wildcards.digest)  # the code that it is of may have been edited meanwhile
    paths.evaluation(name).describe()
    complete(
        attacks,
        attack_items(items, saliency, top, population),
        forwards,
        folder=paths.attacks.path,
        title=f"attacks {name} {snakemake.wildcards.shard}",
        weights=forwards.weights,
        attributes=lambda: {"explainer": name, **forwards.spent},
        later=paths.later("attacks", forwards.weights),
    )
    rows = evaluation_rows(
        name, items, saliency, read_shard(attacks), top=top, classes=paths.classes, population=population
    )
    parquet.write(rows.assign(weights=forwards.weights), snakemake.output.rows)
