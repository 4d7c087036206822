"""Where a clip's crops lie: of one size, in one place or moved with the face."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advxai.common.types import Box, Edges
from advxai.media.cut import Placement
from advxai.media.retinaface import Detection
from advxai.media.rule import Rule

PARTS = 32  # of a pixel to which sizes are rounded, and twice as many for middles: then boxes have exactly one size


def placed(
    faces: Sequence[Detection], rule: Rule, crop: Literal["fixed", "followed"], height: int, width: int
) -> list[Placement]:
    """Where the crop of each frame lies; all have the same size in pixels.

    The face's box has the median width and the median height of its boxes, so that the face's scale is that of single
    images; `rule` makes a crop of it.

    Args:
        faces: the face, frame by frame.
        rule: by which a crop is made of a box, or of landmarks: of `fixed` of their medians.
        crop: fixed: one box around the mean of the face's middles. followed: around its middle in each frame; crops
            that the frame's edge makes smaller (`edges` clip and shrink) make all as small.
        height, width: of the frames, in pixels.
    """
    boxes = np.array([face.box for face in faces], np.float64)
    sides = np.round(np.median(boxes[:, 2:] - boxes[:, :2], axis=0) * PARTS) / PARTS
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    if crop == "fixed":
        points = np.median([face.landmarks for face in faces], axis=0)
        place = rule.place(_around(middles.mean(axis=0), sides), points, height, width)
        return [place] * len(faces)
    places = [
        rule.place(_around(middle, sides), face.landmarks, height, width)
        for middle, face in zip(middles, faces, strict=True)
    ]
    return _alike(places, height, width)


def _around(middle: NDArray[np.float64], sides: NDArray[np.float64]) -> Edges:
    """x1, y1, x2, y2 of the box of these sides, whose difference is exactly that."""
    centre = np.round(middle * 2 * PARTS) / (2 * PARTS)
    x1, y1 = (centre - sides / 2).tolist()
    x2, y2 = (centre + sides / 2).tolist()
    return x1, y1, x2, y2


def _alike(places: Sequence[Placement], height: int, width: int) -> list[Placement]:
    """The places, made as small as the smallest: what is cut off is cut off evenly on both sides."""
    sizes = {place.size for place in places}
    if len(sizes) == 1:
        return list(places)
    rows, columns = (min(side) for side in zip(*sizes, strict=True))
    alike = []
    for place in places:
        x1, y1, x2, y2 = place.reaching or place.bounds
        left, top = x1 + (x2 - x1 - columns) // 2, y1 + (y2 - y1 - rows) // 2
        crop: Box = (left, top, left + columns, top + rows)
        inside = max(left, 0), max(top, 0), min(crop[2], width), min(crop[3], height)
        alike.append(Placement(inside) if inside == crop else Placement(inside, reaching=crop))
    return alike
