"""What an explainer is given, what it returns, and how to write one."""

import math
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.common.arrays import Floats
from advxai.detector.engine import moved
from advxai.saliency.draws import Turn, stood_down
from advxai.saliency.ranking import rank, segment_means

Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Inputs:
    """One image to explain; or one clip, of T frames: what knows nothing of dimensions explains both.

    Attributes:
        key: the image's key in the manifest; the clip's.
        image: (3, h, w) normalised float32; of a clip (3, T, h, w).
        baseline: what fills perturbed regions, of the image's type and shape.
        segments: (h, w) int16, labels 0 ... S-1; of a clip (T, h, w).
        target: index of the class that is explained (the predicted one).
        generator: seeded by (seed, "saliency", method, key).
        chunk: most rows of a request, each an image or a clip, so that perturbed ones are never all in memory.
    """

    key: str
    image: Tensor
    baseline: Tensor
    segments: NDArray[np.int16]
    target: int
    generator: np.random.Generator
    chunk: int


@dataclass(frozen=True)
class Unscaled:
    """A map as it was before it was stretched over its image: by it a clip's frames are compared.

    Attributes:
        map: (h, w) float, in the method's own unit.
        low, high: values that the stretching puts at 0 and 1; the map's own extent need not be so large.
    """

    map: NDArray[Any]
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> "Unscaled":
        """Of a map (h, w) that `min_max` stretches."""
        return cls(values, float(values.min()), float(values.max()))


@dataclass(frozen=True)
class Explanation:
    """What an explainer returns.

    Attributes:
        map: (h, w) float32, larger is more important; of a clip (T, h, w).
        scores: (S,) float32, one a segment.
        ranking: segments by falling importance, int16; only those that may be attacked.
        zero: value of the map that stands for no effect, where the map has a sign: larger values speak for the target,
            smaller ones against it. NaN: it has none. It is for showing the map alone.
        unscaled: where the map was stretched over its own image: what it was before, by which the frames of a clip are
            joined (`advxai.video.framewise`). None: the map is as it was computed. It is in no record of an image.
    """

    map: NDArray[np.float32]
    scores: NDArray[np.float32]
    ranking: NDArray[np.int16]
    zero: float = math.nan
    unscaled: Unscaled | None = None

    @classmethod
    def of_map(
        cls,
        saliency: Floats,
        segments: NDArray[np.int16],
        zero: float = math.nan,
        unscaled: Unscaled | None = None,
    ) -> "Explanation":
        """Segments scored by the mean of the map in them (paper, section 4.2)."""
        scores = segment_means(saliency, segments)
        return cls(saliency.astype(np.float32), scores, rank(scores), zero, unscaled)


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
    What it draws from the global generators of numpy, Python and torch (on the CPU) is the image's own: seeded by
    `inputs.generator`, the same whoever else is in work; and nobody else's draws are changed by it.
    """

    @abstractmethod
    def attribute(self, predict: Predict, inputs: Inputs) -> Explanation:
        """Explain one image; `predict` maps (n, 3, h, w) normalised images to (n, classes) probabilities."""

    def explain(self, inputs: Inputs) -> Explaining:
        # (request or result, whether it is the end, error); what others' code gives may be anything
        asked: queue.Queue[tuple[Any, bool, BaseException | None]] = queue.Queue()
        answers: queue.Queue[Tensor | None] = queue.Queue()
        asking = threading.Lock()  # threads of `attribute`'s own may ask at once; each gets its own answer
        turn = Turn(inputs.generator)
        over = False

        def predict(images: Tensor) -> Tensor:
            nonlocal over
            with asking:
                answer = None
                if not over:
                    turn.leave()  # never held while the other side is waited for
                    asked.put((images, False, None))
                    answer = answers.get()
                if answer is None:  # the other side has gone; end this thread quietly
                    over = True
                    raise SystemExit
                turn.enter()
                return answer

        def work() -> None:
            nonlocal over
            result: Explanation | None = None
            error: BaseException | None = None
            try:
                turn.begin()
                try:
                    result = self.attribute(predict, inputs)
                finally:
                    with asking:
                        over = True
                        turn.leave()
            except BaseException as raised:  # handed over to the caller, who raises it
                error = raised
            asked.put((result, True, error))

        threading.Thread(target=work, daemon=True).start()
        try:
            while True:
                with stood_down():  # this may be within another one's `attribute`
                    given, end, error = asked.get()
                if error is not None:
                    raise error
                if end:
                    return cast("Explanation", given)  # who asked looks whether it is one
                answers.put((yield given))
        finally:
            answers.put(None)


def min_max(values: Floats, extent: tuple[float, float] | None = None) -> Floats:
    """Scale to [0, 1]; an array that is constant up to float32's rounding becomes zeros (nothing stands out).

    Args:
        values: of any shape.
        extent: what becomes 0 and 1; None: the least and the greatest value.
    """
    low, high = (float(values.min()), float(values.max())) if extent is None else extent
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        return np.zeros_like(values)
    return (values - low) / (high - low)


def pixels(labels: NDArray[Any], device: torch.device) -> Tensor:
    """Index for `spread`: labels (h, w), or of a clip (T, h, w) -> all of them in a row, int32 on the device."""
    return moved(torch.from_numpy(labels.astype(np.int32).ravel()), device)


def spread(values: Tensor, index: Tensor, size: Sequence[int]) -> Tensor:
    """Each pixel's own column: (n, S) float32, (h * w,) from `pixels`, (h, w) -> (n, 1, h, w); of a clip likewise.

    A gather of floats: indexing with a label map, or of booleans, takes five to ten times as long on a CPU.
    """
    return values.index_select(1, index).view(-1, 1, *size)


def blend(image: Tensor, baseline: Tensor, keep: Tensor, memory: Tensor) -> Tensor:
    """keep * image + (1 - keep) * baseline, written to the first rows of `memory`.

    Exactly one of the two where keep is 0 or 1, and many times faster there than `torch.where` (torch 2.15 on a CPU).

    Args:
        image, baseline: (3, h, w); of a clip (3, T, h, w), as are the following.
        keep: (n, 1, h, w).
        memory: (n or more, 3, h, w), see `advxai.detector.engine.room`.
    """
    return torch.lerp(baseline[None], image[None], keep, out=memory[: len(keep)])
