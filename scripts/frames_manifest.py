"""Join the faces to the manifest, sample the frames to explain, deal them out to shards."""

from pathlib import Path

import pandas as pd

from advxai.classes import REAL
from advxai.config import load
from advxai.frames.manifest import build, write_csv
from advxai.frames.sampling import sample_evaluation, shard_of
from advxai.jobs import job, write_items

ITEM = ["key", "sha256", "category", "label"]

with job(snakemake.log):
    config = load(snakemake.config)
    categories = list(config.corpus.categories)
    required = {"test": categories}
    if config.detector.checkpoint is None:
        required["train"] = [REAL, *categories]
    manifest = build([pd.read_parquet(path) for path in snakemake.input.faces], required)
    manifest.to_parquet(snakemake.output.manifest, index=False)
    write_csv(manifest, Path(snakemake.output.csv), split=True)
    images = sample_evaluation(manifest, config.frames.per_video)
    images.to_parquet(snakemake.output.evaluation, index=False)
    numbers = images["video"].map(lambda video: shard_of(video, config.shards))
    for number, path in enumerate(snakemake.output.shards):
        write_items(path, images.loc[numbers == number, ITEM].to_dict("records"))
