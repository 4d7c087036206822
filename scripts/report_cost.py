"""Figure of what an explanation costs."""

import json
from pathlib import Path

from advxai import parquet
from advxai.jobs import job
from advxai.report.cost import cost_figure

with job(snakemake.log, snakemake.input):
    cost_figure(
        parquet.read(snakemake.input.cost),
        json.loads(Path(snakemake.input.speed).read_text()),
        Path(snakemake.output[0]),
        snakemake.params.note,
        snakemake.params.dpi,
    )
