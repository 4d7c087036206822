"""Square face crops and their encoding."""

import math
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.types import Box, Edges

Scalar = TypeVar("Scalar", bound=np.generic)

PNG_COMPRESSION = 3  # zlib level; part of the bytes, hence of every hash


def square_box(box: Edges, height: int, width: int, scale: float = 1.3) -> Box:
    """The square crop around a face: x1, y1, x2, y2 in whole pixels, x2 and y2 exclusive.

    Its side is `scale` times the longer side of the box, at most the shorter side of the frame; its centre is the box's
    centre, moved no further than it takes to lie inside the frame. Halves are rounded up.

    Args:
        box: x1, y1, x2, y2 in pixels; it may reach past the frame.
        height, width: of the frame, in pixels.
        scale: side of the crop over the longer side of the box.
    """
    x1, y1, x2, y2 = box
    side = min(max(1, _round(scale * max(x2 - x1, y2 - y1))), height, width)
    left = min(max(_round((x1 + x2 - side) / 2), 0), width - side)
    top = min(max(_round((y1 + y2 - side) / 2), 0), height - side)
    return left, top, left + side, top + side


def cut(image: NDArray[Scalar], box: Box) -> NDArray[Scalar]:
    """The part (y2 - y1, x2 - x1, ...) of an image (H, W, ...) inside a box of whole pixels.

    Raises:
        ValueError: the box is empty or reaches past the image.
    """
    x1, y1, x2, y2 = box
    height, width = image.shape[:2]
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise ValueError(f"box {box} doesn't lie in an image of {width} x {height}")
    return image[y1:y2, x1:x2]


def encode_png(image: Pixels) -> bytes:
    """PNG bytes of a uint8 image, (H, W, 3) RGB or (H, W) grey; equal images give equal bytes."""
    image = np.ascontiguousarray(image)
    planes = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", planes, [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION])
    if not done:
        raise RuntimeError(f"OpenCV could not encode an image of shape {image.shape} as PNG")
    return data.tobytes()


def decode_png(data: bytes, name: str, remedy: str) -> Pixels:
    """The uint8 (H, W, 3) RGB image of encoded bytes.

    Raises:
        InputError: the bytes aren't a whole image; the message names `name` and ends with `remedy`.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
        reason = f"{len(data)} bytes"
    except cv2.error as error:  # of a header that promises too much
        image, reason = None, error.err
    if image is None:
        raise InputError(f"{name} is not a readable image ({reason}): {remedy}.")
    return cast("Pixels", image)


def _round(value: float) -> int:
    return math.floor(value + 0.5)
