"""SOBOL (Fel et al. 2021): total-order Sobol indices of the cells of a mask."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import qmc
from torch.nn.functional import interpolate

from advxai.common.arrays import Floats
from advxai.detector.engine import moved, room, values
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs, Unscaled, blend, min_max, pixels, spread


@lru_cache(maxsize=4)
def sobol_design(cells: int, rows: int) -> NDArray[np.float64]:
    """Designs A, B and the C's: (rows * (cells + 2), cells) float64 in [0, 1).

    The unscrambled sequence of scipy; C_i is A with column i taken from B. Every image has the same one.
    """
    sequence = qmc.Sobol(2 * cells, scramble=False).random(rows)
    a, b = sequence[:, :cells], sequence[:, cells:]
    c = np.repeat(a[None], cells, axis=0)
    index = np.arange(cells)
    c[index, :, index] = b.T
    design: NDArray[np.float64] = np.concatenate([a, b, c.reshape(-1, cells)])
    design.flags.writeable = False  # shared
    return design


def jansen_total(answers: Floats, cells: int) -> NDArray[np.float64]:
    """Jansen's estimator of the total-order indices: (rows * (cells + 2),) -> (cells,) float64.

    A constant output has no variance to share out: all zeros.
    """
    rows = len(answers) // (cells + 2)
    a = answers[:rows].astype(np.float64)
    c = answers[2 * rows :].reshape(cells, rows)
    variance = a.var(ddof=1)
    if variance == 0:
        return np.zeros(cells)
    total: NDArray[np.float64] = ((a - c) ** 2).sum(axis=1) / (2 * rows * variance)
    return total


class Sobol(Explainer):
    """SOBOL.

    Args:
        grid: masks of grid x grid cells.
        design: rows of the sequence.
    """

    def __init__(self, grid: int = 8, design: int = 32) -> None:
        self.grid, self.design = grid, design
        self.rows = design * (grid**2 + 2)

    def explain(self, inputs: Inputs, design: NDArray[np.float64] | None = None) -> Explaining:
        """Explain; `design` (rows * (grid^2 + 2), grid^2) replaces the sequence."""
        cells = self.grid**2
        if design is None:
            design = sobol_design(cells, self.design)
        size = tuple(inputs.image.shape[-2:])
        masks = moved(torch.from_numpy(design.astype(np.float32)), inputs.image.device)
        labels = torch.arange(cells, dtype=torch.float32).view(1, 1, self.grid, self.grid)
        index = pixels(interpolate(labels, size, mode="nearest").numpy(), inputs.image.device)
        answers = []
        memory = room(inputs.image, min(inputs.chunk, len(masks)))
        for part in torch.split(masks, inputs.chunk):
            answer = yield blend(inputs.image, inputs.baseline, spread(part, index, size), memory)
            answers.append(values(answer)[:, inputs.target])
        indices = jansen_total(torch.cat(answers).numpy(), cells)
        low = torch.from_numpy(indices).reshape(1, 1, self.grid, self.grid)
        saliency = interpolate(low, size, mode="bicubic", align_corners=False)[0, 0].numpy()
        return Explanation.of_map(min_max(saliency), inputs.segments, unscaled=Unscaled.of(saliency))
