"""Figure of the detector's confusion matrix and ROC curves."""

from pathlib import Path

from advxai.common import parquet
from advxai.common.jsonfile import read_object
from advxai.config import load
from advxai.report.detector import detector_figure
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    detector_figure(
        parquet.read(snakemake.input.predictions),
        read_object(Path(snakemake.input.metrics), "delete it and run again"),
        Path(snakemake.output[0]),
        list(snakemake.params.categories),
        paths.classes,
        paths.config.untested,
        snakemake.params.dpi,
    )
