"""RISE in space and time: random masks of a clip, weighted by what the detector says behind them.

As of images (`rise.py`), with a third axis: the coarse grid has cells in time too, is enlarged along each of the three
axes and shifted along each. The map is divided by each voxel's own sum of masks, for at few masks some voxels are kept
far more often than others.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.detector.engine import moved, room, values
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs, blend, min_max
from advxai.saliency.rise import windows


@dataclass(frozen=True)
class Rise3dDesign:
    """Random masks in their compact form.

    Attributes:
        cells: (n, times, s, s) bool, which cells are kept.
        shifts: (n, 3) int64, offset of the crop in time, down and across, in frames and pixels, below a cell's size.
    """

    cells: NDArray[np.bool_]
    shifts: NDArray[np.int64]


def default_design(
    masks: int, times: int, cells: int, frames: int, size: int, p1: float, generator: np.random.Generator
) -> Rise3dDesign:
    """Draw masks of (frames, size, size): cells kept with probability p1, shifts uniform."""
    kept = generator.random((masks, times, cells, cells)) < p1
    most = [math.ceil(frames / times), *[math.ceil(size / cells)] * 2]
    return Rise3dDesign(kept, generator.integers(0, most, (masks, 3)))


def upsample(cells: Tensor, shifts: Tensor, in_time: Tensor, in_space: Tensor) -> Tensor:
    """Masks in full resolution, by trilinear interpolation, axis by axis.

    Args:
        cells: (n, times, s, s).
        shifts: (n, 3).
        in_time, in_space: `windows` of (times, frames) and of (s, size).

    Returns:
        (n, 1, frames, size, size) float32 in [0, 1].
    """
    rows, columns = in_space[shifts[:, 1]], in_space[shifts[:, 2]]
    pictures = rows.transpose(1, 2)[:, None] @ cells.to(in_space.dtype) @ columns[:, None]
    moments = in_time[shifts[:, 0]].transpose(1, 2)  # (n, frames, times)
    masks = torch.bmm(moments, pictures.flatten(2))
    return masks.view(len(cells), 1, -1, *pictures.shape[-2:])


class Rise3d(Explainer):
    """RISE of a clip.

    Args:
        masks: number of masks.
        cells: cells a side.
        times: cells in time.
        p1: probability that a cell is kept.
        softmax_again: apply softmax to the clip's probabilities.
    """

    def __init__(
        self, masks: int = 512, cells: int = 7, times: int = 4, p1: float = 0.5, softmax_again: bool = False
    ) -> None:
        self.masks, self.cells, self.times, self.p1 = masks, cells, times, p1
        self.softmax_again = softmax_again
        self.rows = masks

    def explain(self, inputs: Inputs, design: Rise3dDesign | None = None) -> Explaining:
        """Explain a clip; `design` replaces the drawn masks. The map is accumulated, masks are never all in memory."""
        device, shape = inputs.image.device, inputs.segments.shape
        frames, size = shape[0], shape[-1]
        if design is None:
            design = default_design(self.masks, self.times, self.cells, frames, size, self.p1, inputs.generator)
        cells, shifts = (moved(torch.from_numpy(part), device) for part in (design.cells, design.shifts))
        in_time = moved(windows(cells.shape[1], frames), device)
        in_space = moved(windows(cells.shape[-1], size), device)
        total, coverage = torch.zeros((2, math.prod(shape)), dtype=torch.float64, device=device)
        memory = room(inputs.image, min(inputs.chunk, len(cells)))
        for start in range(0, len(cells), inputs.chunk):
            part = slice(start, start + inputs.chunk)
            masks = upsample(cells[part], shifts[part], in_time, in_space)
            answer = yield blend(inputs.image, inputs.baseline, masks, memory)
            if self.softmax_again:
                answer = answer.softmax(dim=1)
            kept = masks.flatten(1)
            total += answer[:, inputs.target] @ kept  # a chunk's sum in float32, all chunks' in float64
            coverage += kept.sum(dim=0)
        # a voxel that no mask has kept says nothing: zero, as its sum is
        saliency = total / torch.where(coverage > 0, coverage, 1)
        return Explanation.of_map(min_max(values(saliency.view(*shape)).numpy()), inputs.segments)
