"""Figure of the detector's ROC curve, real against fake."""

from pathlib import Path

from advxai.common.jsonfile import read_object
from advxai.config import load
from advxai.report.roc import roc_figure
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    roc_figure(
        read_object(Path(snakemake.input[0]), "delete it and run again"),
        Path(snakemake.output[0]),
        Paths(load(snakemake.config)).classes,
        snakemake.params.dpi,
    )
