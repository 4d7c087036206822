"""The page that plays the films of the explained clips."""

from pathlib import Path

from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.video.page import page

with job(snakemake.log, snakemake.input):
    page(Paths(load(snakemake.config)), Path(snakemake.output[0]), snakemake.params.note)
