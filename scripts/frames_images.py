"""Sample the images to explain, deal them out to shards."""

from pathlib import Path

from advxai.common import parquet
from advxai.config import load
from advxai.frames.explained import to_explain
from advxai.frames.lists import write_lists
from advxai.frames.manifest import write_csv
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    images = to_explain(parquet.read(snakemake.input.manifest), load(snakemake.config))
    parquet.write(images, snakemake.output.evaluation)
    write_csv(images, Path(snakemake.output.csv))
    write_lists(images, snakemake.output.shards)
