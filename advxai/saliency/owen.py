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
built: halves are computed when a region is split, and a coalition is a list of disjoint rectangles.
"""

from collections.abc import Generator, Sequence
from heapq import heappop, heappush
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.saliency.base import Inputs

Box = tuple[int, int, int, int]
Coalition = tuple[Box, ...]


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


def kept(coalitions: Sequence[Coalition], out: Tensor) -> Tensor:
    """Masks of coalitions, 1 inside their rectangles and 0 outside: written to `out` (n, height, width), and returned.

    A rectangle is the product of its rows and its columns, and a coalition's are disjoint: so is their sum a mask.
    """
    table = np.zeros((len(coalitions), max(1, *map(len, coalitions)), 4), dtype=np.int32)  # zeros: no rectangle
    for row, coalition in zip(table, coalitions, strict=True):
        row[: len(coalition)] = np.reshape(coalition, (-1, 4))
    ends = torch.from_numpy(table).to(out.device)[..., None]

    def crossed(start: int, size: int) -> Tensor:
        at = torch.arange(size, dtype=torch.int32, device=out.device)
        return ((at >= ends[:, :, start]) & (at < ends[:, :, start + 1])).to(out.dtype)

    return torch.bmm(crossed(0, out.shape[1]).transpose(1, 2), crossed(2, out.shape[2]), out=out)


def shared_out(shares: Sequence[tuple[Box, float]], height: int, width: int) -> NDArray[np.float64]:
    """Credit of rectangles, in equal parts to each one's values: (height, width) float64."""
    values = np.zeros((height, width))
    for (top, bottom, left, right), credit in shares:
        values[top:bottom, left:right] += credit / ((bottom - top) * (right - left))
    return values


def owen_values(inputs: Inputs, evaluations: int, batch: int) -> Generator[Tensor, Tensor, NDArray[np.float64]]:
    """Owen values of the target's probability.

    Args:
        inputs: image and baseline (c, h, w), on any device and of any size; target and chunk.
        evaluations: images to be classified, the baseline and the image itself included.
        batch: images that are chosen together; it decides the order in which regions are split, so the values too.

    Yields:
        Requests (n, c, h, w) float32 of at most `inputs.chunk` rows, in channels_last, each in the memory of the one
        before; is sent (n, classes).

    Returns:
        (h, w, c) float64. Their sum is the image's probability less the baseline's.
    """
    channels, height, width = inputs.image.shape
    size = (height, width * channels)
    whole = (0, size[0], 0, size[1])
    image, baseline = (tensor.permute(1, 2, 0).reshape(size) for tensor in (inputs.image, inputs.baseline))

    # masks, then the images, of every request: fresh memory takes longer than what is computed in it
    memory = image.new_empty((min(inputs.chunk, batch + 1), *size))

    def worth(coalitions: Sequence[Coalition]) -> Generator[Tensor, Tensor, list[float]]:
        found: list[float] = []
        for start in range(0, len(coalitions), inputs.chunk):
            part = coalitions[start : start + inputs.chunk]
            images = kept(part, out=memory[: len(part)])
            torch.lerp(baseline, image, images, out=images)  # exact at 0 and 1
            answer = yield images.view(-1, height, width, channels).permute(0, 3, 1, 2)
            found += answer[:, inputs.target].tolist()
        return found

    without, complete = yield from worth([(), (whole,)])
    spent, order = 2, count()
    shares: list[tuple[Box, float]] = []
    # (what the heap goes by: added worth, order), context, region, worth of the context without and with it, weight
    queue: list[tuple[float, int, Coalition, Box, float, float, float]] = [
        (0.0, next(order), (), whole, without, complete, 1.0)
    ]
    while queue and spent < evaluations:
        splits: list[tuple[Coalition, Box, Box, float, float, float]] = []  # context, halves, as above
        while queue and 2 * len(splits) < batch and spent + 2 * len(splits) < evaluations:
            _, _, context, box, f0, f1, weight = heappop(queue)
            children = halves(box, channels)
            if children:
                splits.append((context, *children, f0, f1, weight / 2))
            else:
                shares.append((box, (f1 - f0) * weight))
        answers = yield from worth([(*context, child) for context, a, b, *_ in splits for child in (a, b)])
        spent += len(answers)
        for (context, a, b, f0, f1, weight), fa, fb in zip(splits, answers[::2], answers[1::2], strict=True):
            for parent, child, low, high in (
                (context, a, f0, fa),
                (context, b, f0, fb),
                ((*context, b), a, fb, f1),
                ((*context, a), b, fa, f1),
            ):
                heappush(queue, (-abs(high - low) * weight, next(order), parent, child, low, high, weight))
    shares += [(box, (high - low) * weight) for _, _, _, box, low, high, weight in queue]
    return shared_out(shares, *size).reshape(height, width, channels)
