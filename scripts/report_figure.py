"""One figure: an image of each category, its adversarial copy, and maps of explainers that differ in their baseline."""

from pathlib import Path

from advxai.config import load
from advxai.report.captions import under_maps
from advxai.report.figure import explainer_figure, forms_of
from advxai.report.panels import panels_of
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config = paths.config
    known = panels_of(
        paths,
        snakemake.input.evaluation,
        snakemake.input.manifest,
        Path(snakemake.input.detector),
        paths.copies,
    )
    title = f"{' and '.join(snakemake.params.explainers)} on {config.detector.model}"
    panels = [panel for _, panel in known]
    rows = {name: config.of_kind("explainer")[name] for name in snakemake.params.explainers}
    text = "\n".join(under_maps(rows, forms_of(panels), config.detector.channel_tokens))
    explainer_figure(panels, Path(snakemake.output[0]), title, config.evaluation.top, config.report.dpi, text)
