"""Figure of all explainers' maps on one image of each category, with its counterpart."""

from pathlib import Path

from advxai.config import load
from advxai.frames.counterparts import Counterparts
from advxai.report.explanations import TEXT, Column, explanations_figure
from advxai.report.panels import panels_of
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    known = panels_of(paths, snakemake.input.evaluation, snakemake.input.manifest, Path(snakemake.input.detector))
    counterparts = Counterparts(*snakemake.input.counterparts)
    columns = [Column(panel, counterparts.image(face["key"])) for face, panel in known]
    text = f"{TEXT}\n{snakemake.params.note}"
    explanations_figure(columns, Path(snakemake.output[0]), text, config.evaluation.top, config.report.dpi)
