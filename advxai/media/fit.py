"""How a crop becomes a detector's input: where it lies in that, and whose arithmetic resizes it. Needs no torch.

Everything that lays a picture of the crop's pixels, such as a true mask, over the detector's input goes by `lies_in`.
"""

from typing import NamedTuple, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Flags, Floats, Picture, Pixels
from advxai.config.science import Fit, Resize

Cell = TypeVar("Cell", bound=np.generic)
STRETCH = Resize()
OPENCV = {"bicubic": cv2.INTER_CUBIC, "bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}
PILLOW = {"bicubic": "BICUBIC", "bilinear": "BILINEAR", "area": "BOX"}


class Part(NamedTuple):
    """Where a crop lies in an input, in whole pixels of the input; what is around it is black."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: NDArray[Cell]) -> NDArray[Cell]:
        """The part (height, width, ...) of an input (size, size, ...), as a view."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def scaled(self, factor: float) -> "Part":
        """The same part of an input whose side is `factor` times as long, to the nearest pixel."""
        left, top = round(self.left * factor), round(self.top * factor)
        right, bottom = round((self.left + self.width) * factor), round((self.top + self.height) * factor)
        return Part(left, top, max(1, right - left), max(1, bottom - top))


def lies_in(crop: tuple[int, int], size: int, fit: Fit = "stretch") -> Part:
    """Where a crop lies in an input.

    Args:
        crop: its height and width, in pixels.
        size: side of the input, in pixels.
        fit: stretch: all over it. letterbox: the longer side fills it, the shorter is in proportion, rounded down, by
            the float arithmetic of the released codes: of a square the height counts as the longer one, and for some
            sides (166, 207, ...) the width lacks a pixel. pad: a side that is shorter than the input keeps its length,
            a longer one is made as long as the input. What is shorter than the input lies in the middle; where that is
            half a pixel, nearer to the left and the top.
    """
    if fit == "stretch":
        return Part(0, 0, size, size)
    height, width = _letterboxed(*crop, size) if fit == "letterbox" else (min(side, size) for side in crop)
    return Part((size - width) // 2, (size - height) // 2, width, height)


def _letterboxed(height: int, width: int, size: int) -> tuple[int, int]:
    if width > height:
        return max(1, int(height * (size / width))), size
    return size, max(1, int(width * (size / height)))  # not width * size // height, which is a pixel more at times


def laid(picture: NDArray[Cell], crop: tuple[int, int], size: int, fit: Fit) -> NDArray[Cell]:
    """A picture, already of the size of the part that the crop lies in, on a black input: (size, size, ...)."""
    part = lies_in(crop, size, fit)
    if part == (0, 0, size, size):
        return picture
    whole = np.zeros((size, size, *picture.shape[2:]), picture.dtype)
    part.of(whole)[:] = picture
    return whole


def how_of(resize: Resize, crop: tuple[int, int], part: Part) -> str:
    """bicubic, bilinear or area; `area_or_bicubic` goes by the longer sides of the crop and of its part."""
    if resize.interpolation != "area_or_bicubic":
        return resize.interpolation
    return "bicubic" if max(part.width, part.height) > max(crop) else "area"


def fitted(image: Picture, size: int, resize: Resize = STRETCH) -> Picture:
    """A crop as a detector sees it, in the type that it is given in.

    Args:
        image: RGB (h, w, 3): uint8, or with library torch also float32 in [0, 1], which bicubic may leave by a little.
        size: side of the input, in pixels.
        resize: how. Of library torch it is OpenCV's arithmetic, which is torch's but for roundings (of `area`: where
            the ratio is a whole number).

    Returns:
        (size, size, 3).
    """
    crop = (image.shape[0], image.shape[1])
    part = lies_in(crop, size, resize.fit)
    if crop != (part.height, part.width):
        how = how_of(resize, crop, part)
        if resize.library == "pillow":
            from PIL import Image  # which the jobs of few detectors need

            image = np.asarray(Image.fromarray(image).resize((part.width, part.height), Image.Resampling[PILLOW[how]]))
        else:
            image = cv2.resize(image, (part.width, part.height), interpolation=OPENCV[how])
    return laid(image, crop, size, resize.fit)


def unit_of(crop: Pixels, size: int, resize: Resize = STRETCH) -> NDArray[np.float32]:
    """The crop as the detector sees it: uint8 (h, w, 3) -> float32 (size, size, 3) in [0, 1]."""
    if resize.library == "torch":
        return cast("NDArray[np.float32]", fitted(crop.astype(np.float32) / 255, size, resize).clip(0, 1))
    return cast("NDArray[np.float32]", fitted(crop, size, resize).astype(np.float32) / 255)


def over(values: Floats, shape: tuple[int, int], fit: Fit = "stretch", how: int = cv2.INTER_AREA) -> Floats:
    """Values of the crop's pixels, laid over the detector's input; 0 where there is no crop.

    Args:
        values: (H, W) or (H, W, channels), of the crop.
        shape: (h, w) of a map of the input; a square unless the crop is stretched.
        fit: as of `lies_in`.
        how: OpenCV's interpolation.
    """
    if fit == "stretch":
        same = values.shape[:2] == shape
        return values if same else cast("Floats", cv2.resize(values, shape[::-1], interpolation=how))
    crop = (values.shape[0], values.shape[1])
    part = lies_in(crop, shape[0], fit)
    if crop != (part.height, part.width):
        values = cast("Floats", cv2.resize(values, (part.width, part.height), interpolation=how))
    return laid(values, crop, shape[0], fit)


def region_over(region: Flags, shape: tuple[int, int], fit: Fit = "stretch") -> Flags:
    """A region of the crop in the detector's input: a pixel belongs to it if more than half of it does. (h, w) bool.

    Args:
        region: (H, W) bool, of the crop.
        shape, fit: as of `over`.
    """
    if fit == "stretch" and region.shape == shape:
        return region
    return np.asarray(over(region.astype(np.float32), shape, fit) > 0.5)
