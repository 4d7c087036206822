"""Figure of one image under every filling."""

from pathlib import Path

from advxai.config import load
from advxai.report.fillings import fillings_figure, read
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    fillings_figure(
        read(Path(snakemake.input[0]), Paths(load(snakemake.config)).classes),
        Path(snakemake.output[0]),
        snakemake.params.note,
        snakemake.params.dpi,
    )
