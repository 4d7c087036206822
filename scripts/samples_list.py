"""Find the images of a list of samples, deal them out to shards."""

from pathlib import Path

from advxai.common import parquet
from advxai.config import load
from advxai.frames.database import build
from advxai.frames.lists import write_lists
from advxai.run import progress
from advxai.run.jobs import job
from advxai.samples import images
from advxai.samples.lists import read

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    source = Path(snakemake.input.listed)
    samples = read(source)
    if snakemake.input.crops:
        folder = Path(snakemake.input.crops[0])
        table = images.in_folder(samples, folder, config.corpus.compression, source)
        build(table, Path(snakemake.output.frames[0]), remedy="run again with `--forcerun samples_list`")
    else:
        table = images.in_run(samples, parquet.read(snakemake.input.manifest[0]), source)
    parquet.write(table, snakemake.output.table)
    write_lists(table, snakemake.output.shards)
    progress.tell(n=len(table), unit="sample")
