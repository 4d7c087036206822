"""Figure of how NES made the run's adversarial copies."""

from pathlib import Path

from advxai.config import load
from advxai.frames.database import FrameStore
from advxai.report.nes import nes_figure, progress
from advxai.report.panels import resized, seen_by
from advxai.run.jobs import job
from advxai.run.paths import Paths

with job(snakemake.log, snakemake.input):
    config = load(snakemake.config)
    size, distortion = seen_by(Path(snakemake.input.detector), config.adversary)
    with FrameStore(Path(snakemake.input.frames)) as frames:
        found = progress(
            map(Path, snakemake.input.adversary),
            distortion,
            lambda key: resized(frames.image(key), size),
            Paths(config).classes,
        )
    nes_figure(found, Path(snakemake.output[0]), snakemake.params.note, config.report.dpi)
