"""A clip as the detector sees it: its frames, its score, and work on it as work on frames.

A clip is T face crops of one track. As a tensor it is (T, 3, h, w) normalised, as explainers of clips have it, whose
segments are (T, h, w), a volume (3, T, h, w): a view of the same memory. A perturbed clip is T forwards; the clip's
answer is made of its frames' (`Score`).
"""

from collections.abc import Callable, Generator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from advxai.common.arrays import Pixels
from advxai.common.types import Item
from advxai.detector.engine import moved, values
from advxai.detector.model import Detector
from advxai.detector.transfer import with_values

T = TypeVar("T")
Score = Callable[[Tensor], Tensor]  # (..., T, classes) probabilities of frames -> (..., classes) of the clip
Load = Callable[[Item], Pixels]
TINY = float(np.finfo(np.float32).tiny)  # as of `advxai.detector.videos`: the least probability with a logarithm
ROWS = 64  # frames of a request, rounded up to whole clips


def score_of(name: str) -> Score:
    """How a clip's answer is made of its frames'.

    Args:
        name: `mean` of the probabilities; or `mean_logit`, softmax of the mean of their logarithms (as of
            `advxai.detector.videos.by_video`).

    Returns:
        A function of probabilities (..., T, classes); its answers are float32, computed in float64.
    """

    def mean(frames: Tensor) -> Tensor:
        return frames.double().mean(dim=-2).float()

    def mean_logit(frames: Tensor) -> Tensor:
        return frames.double().clamp(min=TINY).log().mean(dim=-2).softmax(dim=-1).float()

    return {"mean": mean, "mean_logit": mean_logit}[name]


def normalised(item: Item, load: Load, detector: Detector) -> Tensor:
    """A clip's frames (T, 3, h, w) normalised float32, in the CPU's memory; arguments as of `inputs_of`."""
    return torch.stack([detector.preprocessing.normalised(load(frame)) for frame in item["frames"]])


def placed(frames: Tensor, detector: Detector) -> Tensor:
    """Frames (T, 3, h, w) on the detector's device, in memory as its forwards like them."""
    return moved(frames.contiguous(memory_format=detector.backend.layout), detector.device)


def inputs_of(item: Item, load: Load, detector: Detector) -> Tensor:
    """A clip's frames (T, 3, h, w) normalised float32, on the detector's device.

    Args:
        item: the clip, with `frames`: its frames' keys and hashes, in order.
        load: a frame -> RGB uint8 (h, w, 3).
        detector: whose input they become.
    """
    return placed(normalised(item, load, detector), detector)


def volume(frames: Tensor) -> Tensor:
    """(T, 3, h, w) or (n, T, 3, h, w) -> (3, T, h, w) or (n, 3, T, h, w), and back: a view."""
    return frames.transpose(-4, -3)


def chunk_of(frames: int) -> int:
    """Clips of a request: as many as have `ROWS` frames."""
    return max(1, ROWS // frames)


def over_frames(work: Generator[Tensor, Tensor, T], score: Score) -> Generator[Tensor, Tensor, T]:
    """Work on a clip, which asks for perturbed clips, as work on frames (`advxai.detector.engine`).

    Args:
        work: yields (n, 3, T, h, w) volumes, is sent their (n, classes) and returns its result.
        score: makes a clip's answer of its frames'.
    """
    answer: Tensor | None = None
    try:
        while True:
            try:
                asked = next(work) if answer is None else work.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            rows = volume(asked)
            frames = yield rows.flatten(0, 1)
            # made on the CPU, where the frames' answers are known: a device would be waited for
            host = score(values(frames).view(*rows.shape[:2], -1))
            answer = with_values(moved(host, frames.device), host)
    finally:
        work.close()
