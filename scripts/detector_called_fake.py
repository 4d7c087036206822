"""The lists of images to explain, without those that the detector calls Real."""

from advxai import parquet
from advxai.config import load
from advxai.detector.called_fake import split
from advxai.frames.lists import write_lists
from advxai.jobs import job

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    images = parquet.read(snakemake.input.evaluation)
    kept, left_out = split(images, parquet.read(snakemake.input.predictions))
    parquet.write(kept, snakemake.output.evaluation)
    parquet.write(left_out, snakemake.output.left_out)
    write_lists(kept, snakemake.output.shards)
