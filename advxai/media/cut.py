"""Face crops and their encoding."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from advxai.common.arrays import Pixels, Raster
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
    side = min(max(1, rounded(scale * max(x2 - x1, y2 - y1))), height, width)
    left = min(max(rounded((x1 + x2 - side) / 2), 0), width - side)
    top = min(max(rounded((y1 + y2 - side) / 2), 0), height - side)
    return left, top, left + side, top + side


@dataclass(frozen=True)
class Placement:
    """Where a crop lies in a frame, by which its pixels, its mask and its counterpart are cut out.

    Attributes:
        bounds: the smallest box of whole pixels that holds what the frame shows of the crop; the crop itself, unless
            one of the others is given.
        reaching: the crop's box, which reaches past the frame: what isn't there is black.
        matrix: two rows of the similarity that brings a frame's pixels (centres at whole numbers) to the crop's.
        side: of the crop that the similarity gives, in pixels.
    """

    bounds: Box
    reaching: Box | None = None
    matrix: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    side: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the crop, in pixels."""
        if self.matrix is not None:
            return self.side, self.side
        x1, y1, x2, y2 = self.reaching or self.bounds
        return y2 - y1, x2 - x1

    @property
    def text(self) -> str:
        """What `bounds` alone doesn't say, as JSON; "" if that says all."""
        if self.matrix is not None:
            return json.dumps({"matrix": self.matrix, "side": self.side})
        return "" if self.reaching is None else json.dumps({"box": self.reaching})

    @classmethod
    def read(cls, bounds: Box, text: str = "") -> "Placement":
        """From its `bounds` and `text`.

        Raises:
            ValueError: the text isn't that of a placement.
        """
        if not text:
            return cls(bounds)
        try:
            said = json.loads(text)
            if "box" in said:
                x1, y1, x2, y2 = map(int, said["box"])
                return cls(bounds, reaching=(x1, y1, x2, y2))
            (a, b, c), (d, e, f) = (map(float, row) for row in said["matrix"])
            return cls(bounds, matrix=((a, b, c), (d, e, f)), side=int(said["side"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{text[:80]!r} doesn't say where a crop lies") from error

    @classmethod
    def of(cls, face: Mapping[str, Any]) -> "Placement":
        """Of a row with the columns x1, y1, x2, y2 and placement; tables that are older lack the last.

        Raises:
            ValueError: likewise.
        """
        x1, y1, x2, y2 = (int(face[name]) for name in ("x1", "y1", "x2", "y2"))
        text = face.get("placement", "")
        return cls.read((x1, y1, x2, y2), text if isinstance(text, str) else "")

    def cut(self, image: NDArray[Scalar]) -> NDArray[Scalar]:
        """The crop (h, w, ...) of a frame (H, W, ...); a view of it where no pixel is made anew.

        Raises:
            ValueError: `bounds` is empty or reaches past the frame.
        """
        x1, y1, x2, y2 = self.bounds
        height, width = image.shape[:2]
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
            raise ValueError(f"box {self.bounds} doesn't lie in an image of {width} x {height}")
        if self.matrix is not None:
            pixels = cast("Raster", image)
            warped = cv2.warpAffine(pixels, np.array(self.matrix), (self.side, self.side), flags=cv2.INTER_LINEAR)
            return cast("NDArray[Scalar]", warped)
        part = image[y1:y2, x1:x2]
        if self.reaching is None:
            return part
        whole = np.zeros((*self.size, *image.shape[2:]), image.dtype)
        top, left = y1 - self.reaching[1], x1 - self.reaching[0]
        whole[top : top + y2 - y1, left : left + x2 - x1] = part
        return whole

    def to_frame(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points of the crop in the frame, (n, 2) x, y. Both are counted from the upper left corner of the first pixel,
        whose centre is at .5, .5."""
        found = np.asarray(points, np.float64).reshape(-1, 2)
        if self.matrix is None:
            return found + (self.reaching or self.bounds)[:2]
        turn = np.array(self.matrix)
        inner: NDArray[np.float64] = np.linalg.solve(turn[:, :2], (found - 0.5 - turn[:, 2]).T).T + 0.5
        return inner

    @property
    def corners(self) -> NDArray[np.float64]:
        """The crop's corners in the frame, in order: (4, 2), as of `to_frame`."""
        height, width = self.size
        return self.to_frame([(0, 0), (width, 0), (width, height), (0, height)])


def cut(image: NDArray[Scalar], place: Box | Placement) -> NDArray[Scalar]:
    """The part (y2 - y1, x2 - x1, ...) of an image (H, W, ...) inside a box of whole pixels, or a crop of it.

    Raises:
        ValueError: the box is empty or reaches past the image.
    """
    return (place if isinstance(place, Placement) else Placement(place)).cut(image)


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


def rounded(value: float) -> int:
    """The nearest whole number; of halves the upper one."""
    return math.floor(value + 0.5)
