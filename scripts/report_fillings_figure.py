"""Figure of one image under every filling."""

from pathlib import Path

from advxai.common.classes import CLASSES
from advxai.report.fillings import fillings_figure, read
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    fillings_figure(
        read(Path(snakemake.input[0]), CLASSES),
        Path(snakemake.output[0]),
        snakemake.params.note,
        snakemake.params.dpi,
    )
