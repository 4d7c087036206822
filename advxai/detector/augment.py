"""Our own random changes of a training image, drawn from its own generator (`augmentations: ours`)."""

import cv2
import numpy as np

from advxai.common.arrays import Floats, Pixels, Raster
from advxai.config.science import Resize
from advxai.detector.augmentations import compressed
from advxai.media.fit import STRETCH, fitted, lies_in

SMALLEST = 0.85  # side of the crop, as a share of the image's
BRIGHTNESS = 0.12  # at most, as a share of the range
CONTRAST = 0.15
SIGMA = (0.1, 2.0)  # of the blur, in pixels of the crop


def augment(
    image: Pixels, size: int, jpeg: int, rng: np.random.Generator, blur: float = 0.0, resize: Resize = STRETCH
) -> Pixels:
    """Flip, crop, blur, compress, resize and relight an image.

    Args:
        image: RGB uint8 (h, w, 3).
        size: side of the result.
        jpeg: lowest quality of the compression, which half of the images get.
        rng: the only source of randomness, so a result depends on nothing but image and generator.
        blur: share of the images that get a Gaussian blur, before the compression as a camera's is.
        resize: as of the detector; what is black around the crop stays so.

    Returns:
        RGB uint8 (size, size, 3).
    """
    flip, compress = rng.random(2) < 0.5
    scale, left, top = rng.random(3)
    quality = int(rng.integers(jpeg, 100, endpoint=True))
    contrast, brightness = rng.uniform(-1, 1, 2)
    # drawn last: without blur everything else is as it was before there was one
    blurred, sigma = rng.random() < blur, rng.uniform(*SIGMA)

    height, width = image.shape[:2]
    side = SMALLEST + (1 - SMALLEST) * scale
    h, w = max(1, round(height * side)), max(1, round(width * side))
    y, x = int((height - h + 1) * top), int((width - w + 1) * left)
    image = image[y : y + h, x : x + w]
    if flip:
        image = image[:, ::-1]
    changed: Raster = np.ascontiguousarray(image)
    if blurred:
        changed = cv2.GaussianBlur(changed, (0, 0), sigma)
    if compress:
        changed = compressed(changed, quality)
    gain, shift = 1 + CONTRAST * contrast, 255 * BRIGHTNESS * brightness
    seen = np.array(fitted(changed, size, resize))
    part = lies_in((changed.shape[0], changed.shape[1]), size, resize.fit).of(seen)
    relit: Floats = (part.astype(np.float32) - 127.5) * gain + 127.5 + shift
    part[:] = np.clip(np.rint(relit), 0, 255).astype(np.uint8)
    return seen
