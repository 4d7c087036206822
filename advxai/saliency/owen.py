"""Owen values of an image's regions (Lundberg & Lee 2017), as the shap package's Partition explainer computes them.

The players of the game are the h * w * c values of the image. A coalition of them is worth the probability that the
detector gives the image with the coalition's values kept and the baseline's in all other places. What the whole image
is worth is shared out down a tree of regions. A region's worth is what it adds to a context, a coalition that is kept
already; it is split into two halves, and each of them is asked what it adds without and with the other one, at half the
weight each. Regions that add most are split first, as long as evaluations are left; then the credit of every region
that isn't split further is shared equally among its values.

These are the numbers of shap 0.51 (PartitionExplainer with an image masker and `fixed_context=None`), and its rules:

- Its tree is that of the image turned about: leaves are numbered from the last value to the first. So the first child
  is the half at the bottom, on the right or of the last channels, and this one is the smaller half of an odd side.
- The longer side is halved, of a square the height; channels only within a single pixel.
- A batch is chosen before any of its answers is known, by regions, of which each takes two evaluations. So an odd batch
  or an odd number of evaluations is exceeded by one.
- Among regions that add equally much the package chooses at random, by numpy's global state. Here, and only in this
  otherwise, the one that came up first is split first.

A region is a rectangle of the array (h, w * c), channels last, in which a part of a pixel is one too. The tree is never
built: halves are computed when a region is split, and a coalition is a list of disjoint rectangles, as bytes: these
become a request's table by being joined, without a look at any rectangle, while a GPU waits.
"""

from collections.abc import Generator, Sequence
from heapq import heappop, heappush
from itertools import count
from struct import Struct

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.detector.engine import moved, room, values
from advxai.saliency.base import Inputs

Box = tuple[int, int, int, int]
Coalition = bytes  # of disjoint rectangles, one after another

SIDES = Struct("=4i")
packed = SIDES.pack  # top, bottom, left, right -> the coalition of one rectangle
NOTHING: Coalition = b""


def halves(box: Box, channels: int) -> tuple[Box, Box] | tuple[()]:
    """The two children of a region, in the package's order; none of a single value.

    Args:
        box: top, bottom, left, right in the array (h, w * channels), bottom and right excluded.
        channels: values a pixel.
    """
    top, bottom, left, right = box
    height, values = bottom - top, right - left
    width = values // channels
    if height > 1 and height >= width:
        cut = bottom - height // 2
        return (cut, bottom, left, right), (top, cut, left, right)
    if values > 1:
        cut = right - (width // 2 * channels or values // 2)  # between pixels, or between the channels of one
        return (top, bottom, cut, right), (top, bottom, left, cut)
    return ()


class Masks:
    """Makes the masks of coalitions, 1 inside their rectangles and 0 outside, on an image's device.

    A rectangle is the product of its rows and its columns, and a coalition's are disjoint: so is their sum a mask.

    Args:
        image: (c, h, w).
        rows: masks at a time, at most.

    Attributes:
        memory: (rows, c, h, w) float32, laid out as the image is; kept, since fresh memory costs more than what
            is computed in it.
    """

    def __init__(self, image: Tensor, rows: int) -> None:
        channels, height, width = image.shape
        self.memory = room(image, rows)
        self._down = torch.arange(height, dtype=torch.int32, device=image.device)
        self._across = torch.arange(width * channels, dtype=torch.int32, device=image.device)
        self._by_channel = self.memory.is_contiguous()
        if self._by_channel:
            self._across = self._across.view(width, channels).T.contiguous()

    def of(self, coalitions: Sequence[Coalition]) -> Tensor:
        """Masks (n, c, h, w), the first n of the memory."""
        most = max(SIDES.size, *map(len, coalitions))
        table = bytearray().join([one.ljust(most, b"\0") for one in coalitions])  # zeros: no rectangle
        sides = moved(torch.frombuffer(table, dtype=torch.int32).view(len(coalitions), -1, 4, 1), self._down.device)
        rows = self._between(sides[:, :, :2], self._down).transpose(1, 2)
        masks = self.memory[: len(coalitions)]
        if self._by_channel:
            columns = self._between(sides[:, None, :, 2:], self._across[:, None, None])
            torch.matmul(rows[:, None], columns, out=masks)
        else:
            columns = self._between(sides[:, :, 2:], self._across)
            torch.bmm(rows, columns, out=masks.permute(0, 2, 3, 1).flatten(2))
        return masks

    def _between(self, ends: Tensor, at: Tensor) -> Tensor:
        """1 from the first of two ends on and before the second: (..., 2, 1), (..., size) -> (..., size)."""
        first, second = (at >= ends).unbind(-2)
        return torch.logical_xor(first, second, out=self.memory.new_empty(0))


def shared_out(shares: Sequence[tuple[Box, float]], height: int, width: int) -> NDArray[np.float64]:
    """Credit of rectangles, in equal parts to each one's values: (height, width) float64."""
    credits = np.zeros((height, width))
    for (top, bottom, left, right), credit in shares:
        part = credits[top:bottom, left:right]
        part += credit / ((bottom - top) * (right - left))
    return credits


def owen_values(inputs: Inputs, evaluations: int, batch: int) -> Generator[Tensor, Tensor, NDArray[np.float64]]:
    """Owen values of the target's probability.

    Args:
        inputs: image and baseline (c, h, w), on any device and of any size; target and chunk.
        evaluations: images to be classified, the baseline and the image itself included.
        batch: images that are chosen together; it decides the order in which regions are split, so the values too.

    Yields:
        Requests (n, c, h, w) float32 of at most `inputs.chunk` rows, laid out as the image is, each in the memory of
        the one before; is sent (n, classes).

    Returns:
        (h, w, c) float64. Their sum is the image's probability less the baseline's.
    """
    channels, height, width = inputs.image.shape
    size = (height, width * channels)
    whole = (0, size[0], 0, size[1])
    masks = Masks(inputs.image, min(inputs.chunk, batch + 1))  # then the images, of every request

    def worth(coalitions: Sequence[Coalition]) -> Generator[Tensor, Tensor, list[float]]:
        found: list[float] = []
        for start in range(0, len(coalitions), inputs.chunk):
            images = masks.of(coalitions[start : start + inputs.chunk])
            torch.lerp(inputs.baseline, inputs.image, images, out=images)  # exact at 0 and 1
            answer = yield images
            found += values(answer)[:, inputs.target].tolist()
        return found

    without, complete = yield from worth([NOTHING, packed(*whole)])
    spent, order = 2, count()
    shares: list[tuple[Box, float]] = []
    # (what the heap goes by: added worth, order), context, region, worth of the context without and with it, weight
    queue: list[tuple[float, int, Coalition, Box, float, float, float]] = [
        (0.0, next(order), NOTHING, whole, without, complete, 1.0)
    ]
    while queue and spent < evaluations:
        splits: list[tuple[Coalition, Box, Box, float, float, float]] = []  # context, halves, as above
        coalitions: list[Coalition] = []  # the context with each of the halves
        while queue and len(coalitions) < batch and spent + len(coalitions) < evaluations:
            _, _, context, box, f0, f1, weight = heappop(queue)
            children = halves(box, channels)
            if children:
                a, b = children
                splits.append((context, a, b, f0, f1, weight / 2))
                coalitions += (context + packed(*a), context + packed(*b))
            else:
                shares.append((box, (f1 - f0) * weight))
        answers = iter((yield from worth(coalitions)))
        spent += len(coalitions)
        asked = iter(coalitions)
        for context, a, b, f0, f1, weight in splits:
            with_a, with_b, fa, fb = next(asked), next(asked), next(answers), next(answers)
            heappush(queue, (-abs(fa - f0) * weight, next(order), context, a, f0, fa, weight))
            heappush(queue, (-abs(fb - f0) * weight, next(order), context, b, f0, fb, weight))
            heappush(queue, (-abs(f1 - fb) * weight, next(order), with_b, a, fb, f1, weight))
            heappush(queue, (-abs(f1 - fa) * weight, next(order), with_a, b, fa, f1, weight))
    shares += [(box, (high - low) * weight) for _, _, _, box, low, high, weight in queue]
    return shared_out(shares, *size).reshape(height, width, channels)
