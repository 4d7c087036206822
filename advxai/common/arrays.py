"""Arrays that many rooms name, by what they hold; others are `NDArray[...]` of their type."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # an image (H, W, 3) RGB, or a mask (H, W)
Floats = NDArray[np.floating]  # float32 or float64, as it comes
Raster = NDArray[np.integer | np.floating]  # (H, W) or (H, W, channels), as OpenCV takes and gives it
Picture = NDArray[Any]  # (H, W, 3) RGB: uint8, or float in units of [0, 1]
Labels = NDArray[np.integer]  # of segments: a map (h, w), or a list (n,)
Flags = NDArray[np.bool_]  # such as a region (h, w)
