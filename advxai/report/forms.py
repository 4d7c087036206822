"""An explainer's map in its usual form, as pixels; outlines are drawn over it by whoever shows it.

These arrays are what figures, the report's gallery and `advxai explain` have in common.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from advxai.common.arrays import Floats, Labels, Picture
from advxai.report.style import COLOURED, FULL, HEAT_COLOURS, NEGATIVE, OUTLINED, POSITIVE, SIGNED_COLOURS, TINT, Form


def unit(image: Picture) -> NDArray[np.float64]:
    """uint8 or float image -> float64 in units of [0, 1]; float values are kept, also those outside."""
    return image / 255.0 if image.dtype == np.uint8 else image.astype(np.float64)


def grey(image: Picture) -> NDArray[np.float64]:
    """Luma of an RGB image, three times: (H, W, 3) float64 in [0, 1]."""
    return np.repeat((unit(image).clip(0, 1) @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)


def _fitted(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Nearest neighbour: a (h, w) map or label map stretched to (H, W)."""
    rows, columns = (np.arange(wanted) * have // wanted for wanted, have in zip(size, values.shape, strict=True))
    return values[np.ix_(rows, columns)]


def heat(image: Picture, saliency: Floats, within: tuple[float, float] | None = None) -> NDArray[np.float64]:
    """The map in colour over the grey image, scaled to its own range: (H, W, 3) float in [0, 1].

    A map that is constant or has a value that isn't finite says nothing: the grey image alone is given back.

    Args:
        image, saliency: as of `raster`.
        within: the range, of a map that is one of several; None: its own.
    """
    low, high = within or (float(saliency.min()), float(saliency.max()))
    base = grey(image)
    if not np.isfinite(low + high) or low == high:
        return base
    colours = colormaps[HEAT_COLOURS]((_fitted(saliency, base.shape[:2]) - low) / (high - low))[..., :3]
    return (1 - COLOURED) * base + COLOURED * colours


def full_at(values: Floats, form: Form) -> float:
    """The absolute value from which on a map less its zero is shown in full colour: the largest; in the form
    `gradients` the percentile `FULL`, where that isn't 0. Not finite, or 0: the map says nothing."""
    sizes = np.abs(values)
    largest = float(sizes.max())
    if form != "gradients" or not np.isfinite(largest):
        return largest
    return float(np.percentile(sizes, FULL)) or largest


def signed(
    image: Picture, saliency: Floats, zero: float, form: Form = "signed", full: float | None = None
) -> NDArray[np.float64]:
    """Red where the map speaks for the explained class, blue where against it, over the grey image, in full colour from
    `full_at` on, or from `full`, of a map that is one of several: (H, W, 3) float in [0, 1]. A map that says nothing:
    the grey image."""
    base = grey(image)
    values = saliency - zero
    full = full_at(values, form) if full is None else full
    if not np.isfinite(full) or full == 0:
        return base
    colours = colormaps[SIGNED_COLOURS]((_fitted(values, base.shape[:2]) / full + 1) / 2)[..., :3]
    return (1 - COLOURED) * base + COLOURED * colours


@dataclass(frozen=True)
class Outlined:
    """A segment that is outlined because of its weight.

    Attributes:
        label: the segment's.
        weight: its score less the map's zero.
    """

    label: int
    weight: float

    @property
    def positive(self) -> bool:
        """It speaks for the explained class."""
        return self.weight > 0


def outlined(scores: Floats, zero: float, count: int = OUTLINED) -> list[Outlined]:
    """The segments of the largest absolute weights, largest first; none whose weight is 0 or not finite."""
    weights = np.asarray(scores, dtype=np.float64) - zero
    order = np.argsort(-np.abs(weights), kind="stable")[:count]
    return [
        Outlined(int(label), float(weights[label])) for label in order if np.isfinite(weights[label]) and weights[label]
    ]


def tinted(image: Picture, segments: Labels, shown: list[Outlined]) -> NDArray[np.float64]:
    """The image with a tint over outlined segments: (H, W, 3) float in [0, 1]."""
    result = unit(image).clip(0, 1)
    labels = _fitted(segments, result.shape[:2])
    for one in shown:
        region = labels == one.label
        result[region] = (1 - TINT) * result[region] + TINT * np.array(to_rgb(POSITIVE if one.positive else NEGATIVE))
    return result


def raster(
    form: Form, image: Picture, saliency: Floats, segments: Labels, scores: Floats, zero: float
) -> NDArray[np.float64]:
    """A map in a form, without its outlines.

    Args:
        form: of `advxai.report.style.form_of`.
        image: (H, W, 3) RGB, uint8 or float in units of [0, 1].
        saliency: (h, w) float, larger is more important; any scale.
        segments: (h, w) integer labels.
        scores: (S,) one a segment.
        zero: value of the map and of the scores that stands for no effect; NaN for `heat`.

    Returns:
        (H, W, 3) float in [0, 1].
    """
    if form == "outlines":
        return tinted(image, segments, outlined(scores, zero))
    return heat(image, saliency) if form == "heat" else signed(image, saliency, zero, form)


def amplified(image: Picture, adversarial: Picture) -> tuple[NDArray[np.float64], float]:
    """The difference of two images around mid-grey, stretched so that its largest value fills the range.

    Returns:
        (H, W, 3) float in [0, 1], and the largest absolute difference (L-inf) in units of 1/255.
    """
    difference = unit(adversarial) - unit(image)
    largest = float(np.abs(difference).max())
    return (0.5 + difference / (2 * largest) if largest else np.full_like(difference, 0.5)), largest * 255


def resized(image: Picture, size: int) -> NDArray[np.float64]:
    """(H, W, 3) float -> (size, size, 3): by area where smaller, else bicubic."""
    if image.shape[:2] == (size, size):
        return image
    smaller = size < image.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(image.astype(np.float32), (size, size), interpolation=how).clip(0, 1)
