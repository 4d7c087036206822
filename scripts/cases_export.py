"""Export one image's test case."""

from pathlib import Path

from advxai.cases.export import Sources, export
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths


def by_explainer(files: list[str]) -> dict[str, Path]:
    """The rule lists these in the order of the configuration's explainers."""
    return dict(zip(config.explainers, map(Path, files), strict=True))


with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    files = snakemake.input
    sources = Sources(
        evaluation=Path(files.evaluation),
        frames=Path(files.frames),
        detector=Path(files.detector),
        adversary=Path(files.adversary[0]) if files.adversary else None,
        saliency=by_explainer(files.saliency),
        attacks=by_explainer(files.attacks),
        rows=by_explainer(files.rows),
        metrics=by_explainer(files.metrics) if files.metrics else {},
        manifest=Path(files.manifest),
        counterparts=tuple(map(Path, files.counterparts)),
        prior=Path(files.prior[0]) if files.prior else None,
    )
    export(Paths(config), snakemake.wildcards.key, sources, Path(snakemake.output[0]))
