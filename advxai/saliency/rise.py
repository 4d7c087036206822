"""RISE (Petsiuk et al. 2018): a sum of random masks weighted by what the detector says behind them."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from advxai.detector.engine import moved, room, values
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs, Unscaled, blend, min_max


@dataclass(frozen=True)
class RiseDesign:
    """Random masks in their compact form.

    Attributes:
        cells: (n, s, s) bool, which cells are kept.
        shifts: (n, 2) int64, vertical and horizontal offset of the crop, in pixels, below the cell's size.
    """

    cells: NDArray[np.bool_]
    shifts: NDArray[np.int64]


def default_design(
    masks: int, cells: int, size: int, p1: float, draw: str, generator: np.random.Generator
) -> RiseDesign:
    """Draw masks: cells kept where a normal (released code) or uniform draw is below p1; shifts uniform."""
    shape = (masks, cells, cells)
    values = generator.standard_normal(shape) if draw == "normal" else generator.random(shape)
    return RiseDesign(values < p1, generator.integers(0, math.ceil(size / cells), (masks, 2)))


def windows(cells: int, size: int) -> Tensor:
    """Bilinear upsampling of one axis by every shift: (shifts, cells, size) float32.

    Cells are enlarged (half-pixel centres) to (cells + 1) cells' size, of which a mask shows `size` pixels from its
    shift on.
    """
    cell = math.ceil(size / cells)
    axis = interpolate(torch.eye(cells)[None], (cells + 1) * cell, mode="linear", align_corners=False)[0]
    return axis.unfold(1, size, 1).transpose(0, 1).contiguous()


def upsample(cells: Tensor, shifts: Tensor, axis: Tensor) -> Tensor:
    """Masks in full resolution: (n, s, s), (n, 2), `windows` -> (n, 1, size, size) float32 in [0, 1].

    Bilinear interpolation goes axis by axis, so that a mask is a product of three small matrices.
    """
    rows, columns = axis[shifts[:, 0]], axis[shifts[:, 1]]
    return torch.bmm(torch.bmm(rows.transpose(1, 2), cells.to(axis.dtype)), columns)[:, None]


class Rise(Explainer):
    """RISE.

    Args:
        masks: number of masks.
        cells: cells a side.
        p1: the code's parameter: threshold of the draw, and divisor of the map.
        draw: `normal` or `uniform`.
        softmax_again: apply softmax to the probabilities, as the released code does.
        divide_by: `p1`, the number of masks times p1 (released code), or `coverage`, each pixel's sum of masks, so that
            a pixel which happened to be kept more often doesn't count as more important.
    """

    def __init__(
        self,
        masks: int = 4000,
        cells: int = 7,
        p1: float = 0.1,
        draw: str = "normal",
        softmax_again: bool = True,
        divide_by: str = "p1",
    ) -> None:
        self.masks, self.cells, self.p1, self.draw = masks, cells, p1, draw
        self.softmax_again, self.divide_by = softmax_again, divide_by
        self.rows = masks

    def explain(self, inputs: Inputs, design: RiseDesign | None = None) -> Explaining:
        """Explain; `design` replaces the drawn masks. The map is accumulated, so masks are never all in memory."""
        size = inputs.image.shape[-1]
        if design is None:
            design = default_design(self.masks, self.cells, size, self.p1, self.draw, inputs.generator)
        device = inputs.image.device
        cells, shifts = (moved(torch.from_numpy(part), device) for part in (design.cells, design.shifts))
        axis = moved(windows(cells.shape[-1], size), device)
        covers = self.divide_by == "coverage"
        total, coverage = torch.zeros((2, size * size), dtype=torch.float64, device=device)
        memory = room(inputs.image, min(inputs.chunk, len(cells)))
        for start in range(0, len(cells), inputs.chunk):
            part = slice(start, start + inputs.chunk)
            masks = upsample(cells[part], shifts[part], axis)
            answer = yield blend(inputs.image, inputs.baseline, masks, memory)
            if self.softmax_again:
                answer = answer.softmax(dim=1)
            kept = masks.flatten(1)
            total += answer[:, inputs.target] @ kept  # a chunk's sum in float32, all chunks' in float64
            if covers:
                coverage += kept.sum(dim=0)
        if covers:
            # a pixel that no mask has kept says nothing: zero, as its sum is
            saliency = total / torch.where(coverage > 0, coverage, 1)
        else:
            saliency = total / (len(cells) * self.p1)
        found = values(saliency.view(size, size)).numpy()
        return Explanation.of_map(min_max(found), inputs.segments, unscaled=Unscaled.of(found))
