"""Segment attacks of one explainer on one shard's images."""

from pathlib import Path

from advxai.config import load
from advxai.evaluation import attack_items, evaluation_rows, run
from advxai.jobs import image_loader, job, open_detector, read_items
from advxai.paths import Paths, write_params
from advxai.store import complete, read_shard

with job(snakemake.log):
    config = load(snakemake.config)
    paths = Paths(config)
    name = snakemake.wildcards.explainer
    top = config.evaluation.top
    detector = open_detector(config, snakemake.input.detector)
    image = image_loader(snakemake.input.frames)
    items = read_items(snakemake.input.images)
    saliency = {record["key"]: record for record in read_shard(Path(snakemake.input.saliency))}
    attacks = Path(snakemake.output.attacks)
    write_params(paths.attacks, paths.attacks_params)
    write_params(paths.evaluation(name), paths.evaluation_params(name))
    computed = complete(
        attacks,
        attack_items(items, saliency, top),
        lambda wanted: run(wanted, image, detector, config.evaluation, config.seed, config.images_at_once),
        folder=paths.attacks,
        attributes={"explainer": name},
        title=f"attacks {name} {snakemake.wildcards.shard}",
    )
    rows = evaluation_rows(name, items, saliency, read_shard(attacks), top=top, real=detector.real, computed=computed)
    rows.to_parquet(snakemake.output.rows, index=False)
