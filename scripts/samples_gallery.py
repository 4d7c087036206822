"""Pictures, page, table and closing line of explained samples."""

from pathlib import Path

from advxai.common import parquet
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.samples.gallery import Files, write

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    write(
        paths,
        parquet.read(snakemake.input.table),
        Path(snakemake.input.frames),
        {row: paths.samples_of(row) for row in paths.config.sampled},
        Files(**{name: Path(path) for name, path in snakemake.output.items()}),
    )
