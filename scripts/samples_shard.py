"""Maps of one explainer on one shard of a list of samples."""

from pathlib import Path

from advxai.common.limit import Limit
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.samples.compute import explain

with job(snakemake.log, snakemake.input):
    explain(
        Paths(load(snakemake.config)),
        snakemake.input,
        Path(snakemake.output[0]),
        snakemake.wildcards.explainer,
        snakemake.wildcards.shard,
        Limit.of(snakemake.resources),
    )
