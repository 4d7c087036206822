"""Figure of all explainers' maps on one image of each category, with its counterpart."""

from pathlib import Path

from advxai.config import load
from advxai.frames.counterparts import Counterparts
from advxai.report.captions import under_maps
from advxai.report.explanations import TEXT, Column, explanations_figure
from advxai.report.figure import forms_of
from advxai.report.panels import as_seen, panels_of
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    known = panels_of(paths, snakemake.input.evaluation, snakemake.input.manifest, Path(snakemake.input.detector))
    counterparts = Counterparts(*snakemake.input.counterparts)
    detector = config.detector
    originals = [as_seen(counterparts.image(face["key"]), detector.input_size, detector.resizing) for face, _ in known]
    columns = [Column(panel, original) for (_, panel), original in zip(known, originals, strict=True)]
    said = under_maps(config.of_kind("explainer"), forms_of([panel for _, panel in known]), detector.channel_tokens)
    text = "\n".join([TEXT, *said, snakemake.params.note])
    explanations_figure(columns, Path(snakemake.output[0]), text, config.evaluation.top, config.report.dpi)
