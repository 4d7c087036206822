"""What the detector says of each clip, and the clip's segments in space and time: what all of its rows share."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import slic
from torch import Tensor

from advxai.common.ahead import ahead
from advxai.common.arrays import Floats
from advxai.common.types import Item
from advxai.config.video import ClipSegments
from advxai.detector.engine import Work, enough, values
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.saliency.prepare import alone, threads_beside
from advxai.video.clip import Load, Score, normalised, placed, score_of

AT_ONCE = 8  # clips in work together, at most: each asks for its frames once


def segments_of(frames: Floats, settings: ClipSegments) -> NDArray[np.int16]:
    """Segments of a clip: it is cut into slices of a few frames, SLIC runs in each as in a volume.

    Of a short volume with few segments SLIC makes superpixels that go through all its frames; of a whole clip they
    would go through all of that, and no segment could say when.

    Args:
        frames: (T, h, w, 3) float, the network's inputs; SLIC is given float32, as of images
            (`advxai.saliency.segments`).
        settings: frames a slice (the last one may have fewer), segments asked for in a slice, and compactness.

    Returns:
        (T, h, w) int16, labels 0 ... S-1, each present and within one slice; those of a slice follow the former one's.
    """
    parts, first = [], 0
    for start in range(0, len(frames), settings.frames):
        part = frames[start : start + settings.frames].astype(np.float32)
        made = slic(
            part,
            n_segments=settings.number,
            compactness=settings.compactness,
            start_label=0,
            channel_axis=-1,
            enforce_connectivity=True,
        )
        labels = np.unique(made, return_inverse=True)[1].reshape(part.shape[:3])
        parts.append(labels + first)
        first += int(labels.max()) + 1
    return np.concatenate(parts).astype(np.int16)


def _asked(frames: Tensor, detector: Detector, clip: Score) -> Work[tuple[Tensor, Tensor]]:
    """Work that asks for a clip's frames: their answers (T, classes), and the clip's (classes,), on the CPU."""
    answers = values((yield placed(frames, detector)))
    return answers, clip(answers)


def run(
    items: Iterable[Item], load: Load, detector: Detector, segments: ClipSegments, score: str
) -> Iterator[dict[str, Any]]:
    """Ask for every clip's frames, and cut it up.

    Args:
        items: clips with `key`, `sha256` and `frames`.
        load: a frame -> RGB uint8 (h, w, 3).
        detector: the run's.
        segments: how a clip is cut up.
        score: how a clip's answer is made, see `advxai.video.clip.score_of`.

    Yields:
        Records: key, sha256, before (classes,) float32 of the clip, frames_before (T, classes) float32, called_real,
        segments (T, h, w) int16, images, calls, seconds.
    """
    items, clip = list(items), score_of(score)

    def prepare(item: Item) -> tuple[Tensor, NDArray[np.int16], float]:
        start = time.perf_counter()
        frames = normalised(item, alone(load), detector)
        return frames, segments_of(frames.permute(0, 2, 3, 1).numpy(), segments), time.perf_counter() - start

    # a clip asks for its frames once, so cutting it up takes most of the time beside a GPU
    with closing(ahead(prepare, items, threads=threads_beside(detector))) as prepared:
        cut: dict[tuple[str, str], tuple[NDArray[np.int16], float]] = {}

        def works() -> Iterator[tuple[tuple[str, str], Work[tuple[Tensor, Tensor]]]]:
            for item, (frames, labels, seconds) in prepared:
                name = (item["key"], item["sha256"])
                cut[name] = (labels, seconds)
                yield name, _asked(frames, detector, clip)

        frames = max((len(item["frames"]) for item in items), default=1)
        together = min(AT_ONCE, enough(frames, detector))
        for name, (answers, before), cost in drive(works(), detector, together, "scores of clips"):
            labels, seconds = cut.pop(name)
            yield {
                "key": name[0],
                "sha256": name[1],
                "before": before.numpy(),
                "frames_before": answers.numpy(),
                "called_real": bool(detector.classes.called_real(before)),
                "segments": labels,
                "images": cost.images,
                "calls": cost.calls,
                "seconds": cost.seconds + seconds,
            }
