"""What an explainer is given, what it returns, and how to write one."""

import math
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advxai.saliency.segments import rank, segment_means

Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Inputs:
    """One image to explain.

    Attributes:
        key: the image's key in the manifest.
        image: (3, h, w) normalised float32.
        baseline: (3, h, w) normalised float32, what fills perturbed regions.
        segments: (h, w) int16, labels 0 ... S-1.
        target: index of the class that is explained (the predicted one).
        generator: seeded by (seed, "saliency", method, key).
        chunk: most rows of a request, so that perturbed images are never all in memory.
    """

    key: str
    image: Tensor
    baseline: Tensor
    segments: np.ndarray
    target: int
    generator: np.random.Generator
    chunk: int


@dataclass(frozen=True)
class Explanation:
    """What an explainer returns.

    Attributes:
        map: (h, w) float32, larger is more important.
        scores: (S,) float32, one a segment.
        ranking: segments by falling importance, int16; only those that may be attacked.
        zero: value of the map that stands for no effect, where the map has a sign: larger values speak for the target,
            smaller ones against it. NaN: it has none. It is for showing the map alone.
    """

    map: np.ndarray
    scores: np.ndarray
    ranking: np.ndarray
    zero: float = math.nan

    @classmethod
    def of_map(cls, saliency: np.ndarray, segments: np.ndarray, zero: float = math.nan) -> "Explanation":
        """Segments scored by the mean of the map in them (paper, section 4.2)."""
        scores = segment_means(saliency, segments)
        return cls(saliency.astype(np.float32), scores, rank(scores), zero)


Explaining = Generator[Tensor, Tensor, Explanation]


class Explainer(ABC):
    """An explainer as work on one image: it yields perturbed images and is sent their probabilities.

    Attributes:
        rows: how many images it asks for at a time, as a rule; the stage then works on no more images at once than fill
            the forwards.
    """

    rows = 1

    @abstractmethod
    def explain(self, inputs: Inputs) -> Explaining:
        """Yield requests (n, 3, h, w) of at most `inputs.chunk` rows; receive (n, classes); return the explanation."""


class CallableExplainer(Explainer):
    """Base for explainers that call the detector as a function, such as those of other packages.

    `attribute` runs in a thread of its own, so that its calls are batched with other images' work like everybody's.
    """

    @abstractmethod
    def attribute(self, predict: Predict, inputs: Inputs) -> Explanation:
        """Explain one image; `predict` maps (n, 3, h, w) normalised images to (n, classes) probabilities."""

    def explain(self, inputs: Inputs) -> Explaining:
        requests: queue.Queue = queue.Queue()
        answers: queue.Queue = queue.Queue()

        def predict(images: Tensor) -> Tensor:
            requests.put(images)
            answer = answers.get()
            if answer is None:
                raise SystemExit  # the other side has gone; end this thread quietly
            return answer

        def work() -> None:
            try:
                requests.put(self.attribute(predict, inputs))
            except BaseException as error:  # handed over to the caller, who raises it
                requests.put(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            while True:
                request = requests.get()
                if isinstance(request, BaseException):
                    raise request
                if isinstance(request, Explanation):
                    return request
                answers.put((yield request))
        finally:
            answers.put(None)


def min_max(values: np.ndarray) -> np.ndarray:
    """Scale to [0, 1]; an array that is constant up to float32's rounding becomes zeros (nothing stands out)."""
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        return np.zeros_like(values)
    return (values - low) / (high - low)


def pixels(labels: np.ndarray, device: torch.device) -> Tensor:
    """Index for `spread`: (h, w) labels -> (h * w,) int32 on the device."""
    return torch.as_tensor(labels.astype(np.int32).ravel(), device=device)


def spread(values: Tensor, index: Tensor, size: Sequence[int]) -> Tensor:
    """Each pixel's own column: (n, S) float32, (h * w,) from `pixels`, (h, w) -> (n, 1, h, w).

    A gather of floats: indexing with a label map, or of booleans, takes five to ten times as long on a CPU.
    """
    return values.index_select(1, index).view(-1, 1, *size)


def blend(image: Tensor, baseline: Tensor, keep: Tensor, memory: Tensor) -> Tensor:
    """keep * image + (1 - keep) * baseline, written to the first rows of `memory`.

    Exactly one of the two where keep is 0 or 1, and many times faster there than `torch.where` (torch 2.15 on a CPU).

    Args:
        image, baseline: (3, h, w).
        keep: (n, 1, h, w).
        memory: (n or more, 3, h, w), see `advxai.detector.engine.room`.
    """
    return torch.lerp(baseline[None], image[None], keep, out=memory[: len(keep)])
