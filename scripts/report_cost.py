"""Figure of what an explanation costs."""

import json
from pathlib import Path

from advxai.common import parquet
from advxai.report.cost import cost_figure
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    costs = parquet.read(snakemake.input.cost)
    cost_figure(
        costs[costs["explainer"].isin(snakemake.params.explainers)].reset_index(drop=True),
        json.loads(Path(snakemake.input.speed).read_text()),
        Path(snakemake.output[0]),
        snakemake.params.note,
        snakemake.params.dpi,
    )
