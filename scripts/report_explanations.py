"""Figure of all explainers' maps on one image of each category, with its original."""

from pathlib import Path

from advxai.config import load
from advxai.frames.database import FrameStore
from advxai.report.explanations import TEXT, Column, explanations_figure
from advxai.report.originals import original_of
from advxai.report.panels import panels_of
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    paths = Paths(config)
    known = panels_of(paths, snakemake.input.evaluation, snakemake.input.manifest, Path(snakemake.input.detector))
    frames = FrameStore(Path(snakemake.input.frames))
    columns = [Column(panel, original_of(face, paths.corpus_root, frames)) for face, panel in known]
    text = f"{TEXT}\n{snakemake.params.note}"
    explanations_figure(columns, Path(snakemake.output[0]), text, config.evaluation.top, config.report.dpi)
