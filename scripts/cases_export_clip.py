"""Export one clip's test case."""

from pathlib import Path

from advxai.cases.clip_export import ClipSources, export
from advxai.config import load
from advxai.run.jobs import job
from advxai.run.paths import Paths


def by_row(files: list[str]) -> dict[str, Path]:
    """The rule lists these in the order of the configuration's rows of clips; none of attacks that aren't made."""
    return dict(zip(config.video.ordered, map(Path, files), strict=True)) if files else {}


with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    files = snakemake.input
    sources = ClipSources(
        clips=Path(files.clips),
        manifest=Path(files.manifest),
        frames=Path(files.frames),
        detector=Path(files.detector),
        scores=Path(files.scores[0]),
        adversary=Path(files.adversary[0]) if files.adversary else None,
        saliency=by_row(files.saliency),
        attacks=by_row(files.attacks),
        rows=by_row(files.rows),
        measures=by_row(files.measures),
        metrics=by_row(files.metrics),
        counterparts=tuple(map(Path, files.counterparts)),
    )
    export(Paths(config), snakemake.wildcards.key, sources, Path(snakemake.output[0]))
