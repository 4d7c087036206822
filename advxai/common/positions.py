"""Which frames of a video are looked at."""

import numpy as np
from numpy.typing import NDArray


def equidistant(available: int, number: int) -> NDArray[np.int64]:
    """Positions of `number` <= available frames, in the middles of `number` equal parts of the video."""
    return (2 * np.arange(number) + 1) * available // (2 * max(number, 1))
