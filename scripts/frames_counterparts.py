"""Cut out the original's frame behind each explained fake, and measure how well the two fit."""

from advxai.common import parquet
from advxai.config import load
from advxai.frames.cutting import collect, write
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.run.scratch import scratch_folder

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    scratch = scratch_folder(config.scratch)
    root = None if config.frames.ready else paths.corpus_root
    paths.cut_counterparts.describe()
    images = parquet.read(snakemake.input.images)
    write(collect(images, root, paths.cut_counterparts.path, config.frames.aligned, scratch), snakemake.output, scratch)
