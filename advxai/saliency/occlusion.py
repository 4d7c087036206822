"""Occlusion (Zeiler & Fergus 2014): a square is moved over the image; what the probability loses behind it."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.detector.engine import room
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs, blend, pixels, spread


def cells(height: int, width: int, grid: int) -> NDArray[np.int32]:
    """Which of grid x grid cells, numbered row by row, a pixel lies in: (height, width) int32.

    Each pixel lies in exactly one. A side that isn't divisible by the grid is cut where the even grid's lines fall, so
    that cells differ by a pixel at most; of a grid that is finer than the pixels some cells have none.
    """
    rows, columns = (np.arange(side, dtype=np.int32) * grid // side for side in (height, width))
    return rows[:, None] * grid + columns


@lru_cache(maxsize=4)
def windows(grid: int, window: int) -> NDArray[np.float32]:
    """Which cells each place of the square hides, as 1: ((grid - window + 1)^2, grid^2) float32."""
    places = grid - window + 1
    at = np.arange(grid) - np.arange(places)[:, None]  # cells from a place's first one on
    line = ((at >= 0) & (at < window)).astype(np.float32)
    hidden: NDArray[np.float32] = np.kron(line, line)
    hidden.flags.writeable = False  # shared
    return hidden


def lost(whole: float, answers: Floats, hidden: NDArray[np.float32]) -> NDArray[np.float64]:
    """What a cell's windows lose on average.

    Args:
        whole: probability of the image.
        answers: (windows,) probabilities of the image with each window filled.
        hidden: (windows, cells), from `windows`.

    Returns:
        (cells,) float64; every cell lies in a window at least.
    """
    mean: NDArray[np.float64] = (whole - answers.astype(np.float64)) @ hidden / hidden.sum(axis=0, dtype=np.float64)
    return mean


class Occlusion(Explainer):
    """Occlusion.

    Args:
        grid: places a side, each a cell of the grid away from the one before.
        window: side of the square, in cells.
    """

    def __init__(self, grid: int = 28, window: int = 4) -> None:
        self.grid, self.window = grid, window
        self.rows = (grid - window + 1) ** 2 + 1

    def explain(self, inputs: Inputs) -> Explaining:
        """Explain: the image itself is asked first."""
        height, width = inputs.image.shape[-2:]
        cell, hidden = cells(height, width, self.grid), windows(self.grid, self.window)
        index = pixels(cell, inputs.image.device)
        kept = torch.from_numpy(np.concatenate([np.ones_like(hidden[:1]), 1 - hidden])).to(inputs.image.device)
        answers = []
        memory = room(inputs.image, min(inputs.chunk, len(kept)))
        for part in torch.split(kept, inputs.chunk):
            answer = yield blend(inputs.image, inputs.baseline, spread(part, index, cell.shape), memory)
            answers.append(answer[:, inputs.target])
        whole, *others = torch.cat(answers).double().cpu().numpy()
        saliency = lost(whole, np.array(others), hidden)[cell]
        return Explanation.of_map(saliency, inputs.segments, zero=0.0)
