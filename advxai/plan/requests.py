"""What to ask a cluster for: by the benchmark files of the jobs that have run, and by the times that are planned."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from advxai.run.paths import Paths

log = logging.getLogger(__name__)
# Rules with a benchmark file: those whose jobs a cluster gets
RULES = (
    "corpus_clip", "faces_shard", "frames_lmdb", "frames_import", "frames_crops", "frames_counterparts",
    "detector_train", "detector_metrics", "adversary_shard", "saliency_shard", "saliency_control", "saliency_prior",
    "evaluation_shard", "metrics_shard", "samples_shard", "samples_gallery",
    "clips_shard", "clips_lmdb", "clips_counterparts", "video_scores", "video_adversary", "video_saliency",
    "video_control", "video_attacks", "video_metrics", "video_films",
)  # fmt: skip
SPARE_MEMORY, SPARE_TIME = 1.5, 2.0  # a request over what was measured or is expected
MEMORY_STEP, TIME_STEP = 500, 10  # MB, minutes


@dataclass(frozen=True)
class Timed:
    """Jobs of a rule that have run.

    Attributes:
        rule: its name.
        number: of benchmark files, one a job.
        seconds: of the longest.
        megabytes: peak resident memory of the largest; None: all were too short to be looked at.
    """

    rule: str
    number: int
    seconds: float
    megabytes: float | None


def timed(paths: Paths) -> list[Timed]:
    """The benchmark files of a run's jobs, and of the clips and the training, which runs share."""
    return [found for rule in RULES if (found := _rule(rule, list(_files(paths, rule))))]


def _files(paths: Paths, rule: str) -> Iterator[Path]:
    for folder in (paths.logs, paths.logs / paths.config.run):
        yield from sorted(folder.glob(f"{rule}.tsv"))
        yield from sorted((folder / rule).rglob("*.tsv"))


def _rule(rule: str, files: Sequence[Path]) -> Timed | None:
    rows = []
    for file in files:
        try:
            rows.append(pd.read_csv(file, sep="\t")[["s", "max_rss"]].apply(pd.to_numeric, errors="coerce"))
        except (OSError, ValueError, KeyError) as error:
            log.warning("%s: no benchmark file (%s)", file, error)
    if not rows:
        return None
    table = pd.concat(rows)
    memory = table["max_rss"].max()
    return Timed(rule, len(rows), float(table["s"].max()), None if pd.isna(memory) else float(memory))


def memory(megabytes: float) -> int:
    """`mem_mb` to ask for, for jobs that held so much."""
    return math.ceil(megabytes * SPARE_MEMORY / MEMORY_STEP) * MEMORY_STEP


def runtime(seconds: float) -> int:
    """`runtime` to ask for, in minutes, for jobs that take so long."""
    return max(1, math.ceil(seconds * SPARE_TIME / 60 / TIME_STEP)) * TIME_STEP
