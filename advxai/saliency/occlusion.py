"""Occlusion (Zeiler & Fergus 2014): a square is moved over the image; what the probability loses behind it."""

import numpy as np
import torch
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.detector.engine import moved, room, values
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs, blend


def lines(side: int, grid: int, window: int) -> NDArray[np.float32]:
    """Which pixels of a side each place of the square hides, as 1: (grid - window + 1, side) float32.

    Each pixel lies in exactly one of the grid's cells, and each cell in a window at least. A side that isn't divisible
    by the grid is cut where the even grid's lines fall, so that cells differ by a pixel at most; of a grid that is
    finer than the pixels some cells have none.
    """
    cell = np.arange(side) * grid // side
    at = cell - np.arange(grid - window + 1)[:, None]  # counted from a place's first cell
    return ((at >= 0) & (at < window)).astype(np.float32)


def lost(whole: float, answers: Floats, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the windows that cover a pixel lose on average.

    Args:
        whole: probability of the image.
        answers: (places, places) probabilities of the image with each window filled.
        rows, columns: (places, h) and (places, w), from `lines`.

    Returns:
        (h, w) float64.
    """
    total = rows.T @ (whole - answers.astype(np.float64)) @ columns
    times = np.outer(rows.sum(axis=0), columns.sum(axis=0))
    mean: NDArray[np.float64] = total / times
    return mean


class Occlusion(Explainer):
    """Occlusion.

    Args:
        grid: cells a side; the square is moved by one.
        window: side of the square, in cells.
    """

    def __init__(self, grid: int = 28, window: int = 4) -> None:
        self.grid, self.window = grid, window
        self.places = grid - window + 1
        self.rows = self.places**2 + 1

    def explain(self, inputs: Inputs) -> Explaining:
        """Explain: the image itself is asked first."""
        height, width = inputs.image.shape[-2:]
        rows, columns = (lines(side, self.grid, self.window) for side in (height, width))
        # a last line that hides nothing, for the image itself
        down, across = (
            moved(torch.from_numpy(np.vstack([one, np.zeros_like(one[:1])])), inputs.image.device)
            for one in (rows, columns)
        )
        windows = [divmod(place, self.places) for place in range(self.places**2)]
        at = moved(torch.tensor([(self.places, self.places), *windows]), inputs.image.device)
        answers = []
        memory = room(inputs.image, min(inputs.chunk, len(at)))
        for part in torch.split(at, inputs.chunk):
            hidden = torch.bmm(down[part[:, 0], :, None], across[part[:, 1], None])
            answer = yield blend(inputs.image, inputs.baseline, 1 - hidden[:, None], memory)
            answers.append(values(answer)[:, inputs.target])
        whole, *others = torch.cat(answers).double().numpy()
        saliency = lost(whole, np.reshape(others, (self.places, self.places)), rows, columns)
        return Explanation.of_map(saliency, inputs.segments, zero=0.0)
