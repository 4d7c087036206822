"""The measures of clips as work for the detector: one record a clip."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from advxai.common.ahead import ahead
from advxai.common.limit import within
from advxai.common.types import Item
from advxai.config.video import Video
from advxai.detector.engine import Work, enough
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.metrics.base import Measured, Subject
from advxai.metrics.stage import record_of
from advxai.video.clip import Load, Score, chunk_of, normalised, over_frames, placed, score_of, volume
from advxai.video.measures import ClipMeasures, Subjects

Prepared = tuple[Tensor, Tensor | None]  # a clip's frames (T, 3, h, w) and its counterpart's


def run(
    items: Iterable[Item],
    load: Load,
    detector: Detector,
    subjects: Subjects,
    settings: Video,
    score: str,
    at_once: int,
) -> Iterator[dict[str, Any]]:
    """Measure the explanations of clips.

    Args:
        items: clips with `key`, `sha256` and `frames`, all of as many.
        load: a frame -> RGB uint8 (h, w, 3).
        detector: answers.
        subjects: what is measured.
        settings: area and top.
        score: how a clip's answer is made, see `advxai.video.clip.score_of`.
        at_once: clips in work together, at most.

    Yields:
        Records: key, sha256, values (columns,) float64 in the order of `ClipMeasures.columns`, nan where one is
        missing, reasons (why, a line a column), images (frames through the detector), seconds, areas and p (restored
        area and the clip's p after each step).

    Raises:
        InputError: an answer is no number; names the clip.
    """
    items = list(items)
    measure, clip = ClipMeasures(settings), score_of(score)
    frames = max((len(item["frames"]) for item in items), default=1)
    together = within(at_once, enough(chunk_of(frames) * frames, detector))

    def prepare(item: Item) -> Prepared:
        genuine = subjects.counterpart(item)
        if genuine is None:
            return normalised(item, load, detector), None
        return normalised(item, load, detector), torch.stack(
            [detector.preprocessing.normalised(one) for one in genuine]
        )

    with closing(ahead(prepare, items)) as prepared:
        works = (
            ((item["key"], item["sha256"]), _work(measure, subjects.subject(item), clips, detector, clip))
            for item, clips in prepared
        )
        for (key, sha256), measured, cost in drive(works, detector, together, "measures of clips"):
            yield record_of(key, sha256, measure, measured, cost.images, cost.seconds)


def _work(measure: ClipMeasures, subject: Subject, clips: Prepared, detector: Detector, score: Score) -> Work[Measured]:
    """Work (see `advxai.detector.engine`) on one clip, which asks for frames."""
    frames, genuine = clips
    whole = replace(
        subject,
        image=volume(placed(frames, detector)),
        counterpart=None if genuine is None else volume(placed(genuine, detector)),
        chunk=chunk_of(len(frames)),
    )
    return over_frames(measure.measure(whole), score)
