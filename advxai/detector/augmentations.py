"""Changes of a training image one by one, and the two chains of them that published trainings have.

`augment.py` has ours. A chain draws from the image's own generator alone. Its ranges are those of albumentations, of
the releases that these trainings were made with; the arithmetic is written here, since that package draws from
generators of its own.
"""

from collections.abc import Callable
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Floats, Pixels, Raster
from advxai.config.science import Resize
from advxai.media.fit import STRETCH, fitted, lies_in

Chain = Callable[[Pixels, int, np.random.Generator, Resize], Pixels]

HUES = 180  # OpenCV's hue is in halves of a degree
# Down, up: of the resizings in turn that the hybrid was trained with; area and bicubic is how it is asked.
RESIZINGS = (("area", "bicubic"), ("area", "bilinear"), ("bilinear", "bilinear"))


def compressed(image: Raster, quality: int) -> Raster:
    """The image after JPEG compression: RGB uint8 (h, w, 3), quality from 1 to 100."""
    # OpenCV codes B, G, R; in the wrong order luma and chroma would be quantised as another colour's.
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if done else None
    if decoded is None:
        raise RuntimeError(f"JPEG coding of an image {image.shape} failed")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def _bytes(values: NDArray[Any]) -> Pixels:
    whole: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return whole


def noisy(image: Pixels, variance: float, rng: np.random.Generator) -> Pixels:
    """Gaussian noise, another one in each channel; its variance in squares of the range of 0 to 255."""
    return _bytes(image + rng.normal(0, np.sqrt(variance), image.shape).astype(np.float32))


def relit(image: Pixels, brightness: float, contrast: float) -> Pixels:
    """Values times 1 + contrast, and brighter by a share of 255."""
    return _bytes(image.astype(np.float32) * np.float32(1 + contrast) + np.float32(255 * brightness))


def along_colours(image: Pixels, alphas: Floats) -> Pixels:
    """All colours moved along the principal axes of the image's own (Krizhevsky et al., NIPS 2012).

    Args:
        image: RGB uint8 (h, w, 3).
        alphas: three, the axis of the least variance first: of how many times the variance along each axis, in the
            range of 0 to 1, the colours are moved. An axis points to where its largest component is positive.
    """
    colours = image.reshape(-1, 3).astype(np.float32) / 255
    variances, axes = np.linalg.eigh(np.cov(colours, rowvar=False, bias=True))
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(3)])
    return _bytes(image + (255 * axes @ (alphas * variances)).astype(np.float32))


def recoloured(image: Pixels, hue: float, saturation: float, value: float) -> Pixels:
    """Hue (in OpenCV's 180 parts of the circle), saturation and value (of 255) moved; hue goes round."""
    found = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    levels = np.arange(256)
    tables = (
        np.mod(levels + round(hue), HUES).astype(np.uint8),
        _bytes(levels + np.float32(saturation)),
        _bytes(levels + np.float32(value)),
    )
    moved = np.stack([table[found[..., channel]] for channel, table in enumerate(tables)], axis=-1)
    return cast("Pixels", cv2.cvtColor(moved, cv2.COLOR_HSV2RGB))


def grey(image: Pixels) -> Pixels:
    """Without colour: three equal channels of the luma .299 R + .587 G + .114 B."""
    return cast("Pixels", cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def shifted(image: Pixels, right: float, down: float, scale: float, degrees: float) -> Pixels:
    """Turned anticlockwise and scaled about its middle, then shifted by shares of its sides; black where nothing is."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    matrix[:, 2] += right * width, down * height
    return cast("Pixels", cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR))


def downscaled(image: Pixels, scale: float) -> Pixels:
    """Made smaller by averaging and as large as before again, so that fine traces are lost."""
    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    return cast("Pixels", cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def hybrid(image: Pixels, size: int, rng: np.random.Generator, resize: Resize = STRETCH) -> Pixels:
    """How the hybrid of EfficientNet and transformer was trained (Coccomini et al. 2022, and seeds/002 after them).

    Of each image: JPEG of quality 60 to 100 (20 %), noise of variance 10 to 50 (30 %), a flip (50 %), one of three
    resizings, one of brightness and contrast, colours along their axes, and hue, saturation and value (40 %), grey
    (20 %), shift by a tenth, scale by a fifth and a turn by five degrees at most (50 %).

    Args:
        image: RGB uint8 (h, w, 3).
        size: side of the result.
        rng: the only source of randomness.
        resize: the detector's, of which `fit` counts: what is black around the crop stays so.

    Returns:
        RGB uint8 (size, size, 3).
    """
    changed: Pixels = image
    if rng.random() < 0.2:
        changed = cast("Pixels", compressed(changed, int(rng.integers(60, 100, endpoint=True))))
    if rng.random() < 0.3:
        changed = noisy(changed, rng.uniform(10, 50), rng)
    if rng.random() < 0.5:
        changed = np.ascontiguousarray(changed[:, ::-1])
    crop = (changed.shape[0], changed.shape[1])
    part = lies_in(crop, size, resize.fit)
    down, up = RESIZINGS[int(rng.integers(len(RESIZINGS)))]
    larger = max(part.width, part.height) > max(crop)
    how = {"library": "opencv", "interpolation": up if larger else down, "fit": resize.fit}
    seen = np.array(fitted(changed, size, Resize.model_validate(how)))
    own = part.of(seen)
    if rng.random() < 0.4:
        own[:] = _one_colouring(np.ascontiguousarray(own), rng)
    if rng.random() < 0.2:
        own[:] = grey(np.ascontiguousarray(own))
    if rng.random() < 0.5:
        right, down_, scale = rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), 1 + rng.uniform(-0.2, 0.2)
        seen = shifted(seen, right, down_, scale, rng.uniform(-5, 5))
    return seen


def _one_colouring(image: Pixels, rng: np.random.Generator) -> Pixels:
    which = rng.integers(3)
    if which == 0:
        return relit(image, rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2))
    if which == 1:
        return along_colours(image, rng.normal(0, 0.1, 3))
    return recoloured(image, rng.uniform(-20, 20), rng.uniform(-30, 30), rng.uniform(-20, 20))


def dfdc(image: Pixels, size: int, rng: np.random.Generator, resize: Resize = STRETCH) -> Pixels:
    """The kinds of changes that Bonettini et al. (ICPR 2020) name for DFDC; shares and ranges are ours.

    Of each image, with 50 % each: made smaller by a factor of .5 to .9 and large again, a flip, brightness and contrast
    by a fifth at most or else hue, saturation and value, noise of variance 10 to 50, JPEG of quality 50 to 99.

    Args, returns: as of `hybrid`; `resize` counts in all, at the end.
    """
    changed: Pixels = image
    if rng.random() < 0.5:
        changed = downscaled(changed, rng.uniform(0.5, 0.9))
    if rng.random() < 0.5:
        changed = np.ascontiguousarray(changed[:, ::-1])
    if rng.random() < 0.5:
        if rng.random() < 0.5:
            changed = relit(changed, rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2))
        else:
            changed = recoloured(changed, rng.uniform(-10, 10), rng.uniform(-30, 30), rng.uniform(-20, 20))
    if rng.random() < 0.5:
        changed = noisy(changed, rng.uniform(10, 50), rng)
    if rng.random() < 0.5:
        changed = cast("Pixels", compressed(changed, int(rng.integers(50, 99, endpoint=True))))
    return fitted(changed, size, resize)


CHAINS: dict[str, Chain] = {"hybrid": hybrid, "dfdc": dfdc}
