"""Superpixels."""

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import quickshift, slic

from advxai.common.arrays import Floats
from advxai.config.rows import Segmentation


def segment(unit: Floats, normalised: Floats, settings: Segmentation) -> NDArray[np.int16]:
    """Label map of an image.

    Both algorithms are given float32, which the released code's images are, in every protocol: in float64 scikit-image
    rounds otherwise, and now and then pixels fall into the neighbouring segment.

    Args:
        unit: (h, w, 3) float in [0, 1].
        normalised: (h, w, 3) float, the network's input.
        settings: algorithm, number of segments, and which of the two images to segment.

    Returns:
        (h, w) int16, labels 0 ... S-1, each present.
    """
    image = (unit if settings.image == "unit" else normalised).astype(np.float32)
    if settings.algorithm == "slic":
        labels = slic(image, n_segments=settings.n_segments, start_label=0)
    else:
        # The lime package's own settings of quickshift.
        labels = quickshift(image, kernel_size=4, max_dist=200, ratio=0.2, rng=42)  # type: ignore[no-untyped-call]
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int16)
