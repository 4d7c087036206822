"""Figure of what an explanation costs."""

from pathlib import Path

from advxai.common import parquet
from advxai.common.jsonfile import read_object
from advxai.report.cost import cost_figure
from advxai.run.jobs import job

with job(snakemake.log, snakemake.input):
    costs = parquet.read(snakemake.input.cost)
    cost_figure(
        costs[costs["explainer"].isin(snakemake.params.explainers)].reset_index(drop=True),
        read_object(Path(snakemake.input.speed), "delete it and run again"),
        Path(snakemake.output[0]),
        snakemake.params.note,
        snakemake.params.dpi,
    )
