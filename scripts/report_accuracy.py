"""Figure of the detector's accuracy against the number of attacked segments."""

from pathlib import Path

from advxai.config import load
from advxai.report.accuracy import Lines, accuracy_figure, accuracy_shares
from advxai.run.jobs import job
from advxai.run.paths import Paths
from advxai.tables.compute import Axes, clean_predictions
from advxai.tables.read import evaluation, explanations

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    explainers = config.of_kind("explainer")
    axes = Axes.of(paths, explainers)
    rows = evaluation(snakemake.input.evaluation)
    # what the detector says of a clean image is the same in every explainer's records
    clean = clean_predictions(rows, explanations(axes.explainers[0], snakemake.input.saliency, paths.classes))
    lines = Lines(
        axes,
        list(paths.outputs.figure_groups.values()),
        {name: entry.filling for name, entry in explainers.items()},
        paths.outputs.readings if paths.beside_published else {},
        snakemake.params.note,
    )
    accuracy_figure(accuracy_shares(rows, clean, axes), lines, Path(snakemake.output[0]), config.report.dpi)
