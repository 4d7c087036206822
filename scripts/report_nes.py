"""Figure of how NES made the run's adversarial copies."""

from pathlib import Path

from advxai.config import load
from advxai.frames.database import FrameStore
from advxai.media.fit import unit_of
from advxai.report.nes import nes_figure, progress
from advxai.report.panels import seen_by
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    paths = Paths(load(snakemake.config))
    config, resize = paths.config, paths.config.detector.resizing
    size, distortion = seen_by(Path(snakemake.input.detector), config.adversary)
    with FrameStore(Path(snakemake.input.frames)) as frames:
        found = progress(
            map(Path, snakemake.input.adversary),
            distortion,
            lambda key: unit_of(frames.image(key), size, resize),
            paths.classes,
        )
    nes_figure(found, Path(snakemake.output[0]), snakemake.params.note, config.report.dpi)
