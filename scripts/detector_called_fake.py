"""The lists of images to explain, without those that the detector calls Real."""

from advxai.common import parquet
from advxai.config import load
from advxai.detector.called_fake import split
from advxai.frames.lists import write_lists
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    images = parquet.read(snakemake.input.evaluation)
    predictions = parquet.read(snakemake.input.predictions)
    kept, left_out = split(images, predictions, Paths(config).classes)
    kept = kept.assign(weights=predictions["weights"].iloc[0])  # the list is this detector's
    parquet.write(kept, snakemake.output.evaluation)
    parquet.write(left_out, snakemake.output.left_out)
    write_lists(kept, snakemake.output.shards)
