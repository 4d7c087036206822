"""Join the faces to the manifest, sample the frames to explain, deal them out to shards."""

from pathlib import Path

from advxai import parquet
from advxai.config import load
from advxai.frames.manifest import build, write_csv
from advxai.frames.sampling import sample_evaluation
from advxai.frames.shards import shard_of
from advxai.jobs import job, write_items

ITEM = ["key", "sha256", "category", "label"]

with job(snakemake.log):
    config = load(snakemake.config)
    categories = list(config.corpus.categories)
    manifest = build([parquet.read(path) for path in snakemake.input.faces], {"test": categories})
    parquet.write(manifest, snakemake.output.manifest)
    write_csv(manifest, Path(snakemake.output.csv), split=True)
    images = sample_evaluation(manifest, config.frames.per_video)
    parquet.write(images, snakemake.output.evaluation)
    numbers = images["video"].map(lambda video: shard_of(video, config.shards))
    for number, path in enumerate(snakemake.output.shards):
        write_items(path, images.loc[numbers == number, ITEM].to_dict("records"))
