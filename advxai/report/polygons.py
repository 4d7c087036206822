"""Outlines of regions as polygons, for figures, pages and other programs."""

from collections.abc import Sequence

import cv2
import numpy as np

from advxai.common.arrays import Flags

Ring = list[tuple[float, float]]


def rings(region: Flags, simplify: float = 0.0) -> list[Ring]:
    """Closed outlines of a region, holes among them (even-odd rule).

    Without simplification exactly the region's pixels have their centre inside: the outlines run a quarter of a pixel
    within its edges.

    Args:
        region: (h, w) bool.
        simplify: corners may be left out where the outline moves by no more than so many pixels.

    Returns:
        Rings of (x, y) in pixels; (0, 0) is the upper left corner of the first pixel, (w, h) the lower right of the
        last. The last point is not the first one again. None for an empty region.
    """
    if not region.any():
        return []
    left, top, part = _bounded(region)
    # at twice the size a line of single pixels has an inside, too
    twice = part.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    found, _ = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if simplify:
        found = [cv2.approxPolyDP(ring, 2 * simplify, True) for ring in found]
    corners = ((ring[:, 0, :].astype(float) + 0.5) / 2 + (left, top) for ring in found)
    return [[(x, y) for x, y in ring.tolist()] for ring in corners if len(ring) > 2]


def inside(region: Flags) -> tuple[float, float]:
    """The point (x, y) of a region that lies deepest in it: a place for its number, in the units of `rings`.

    The centroid of a bent segment may lie outside it.

    Raises:
        ValueError: the region is empty.
    """
    if not region.any():
        raise ValueError("an empty region has no inside")
    left, top, part = _bounded(region)
    depth = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return float(x) + left + 0.5, float(y) + top + 0.5


def _bounded(region: Flags) -> tuple[int, int, Flags]:
    """Left and upper edge of the smallest rectangle around a region, and what is in it."""
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scaled(outline: Sequence[Ring], x: float, y: float, left: float = 0.0, top: float = 0.0) -> list[Ring]:
    """Rings in other units: stretched by `x` and `y`, then moved by `left` and `top`."""
    return [[(px * x + left, py * y + top) for px, py in ring] for ring in outline]
