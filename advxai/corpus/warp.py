"""Piecewise affine warps on a triangulated point set, and soft masks."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from advxai.common.arrays import Floats, Pixels, Raster


def warp_map(
    destination: Floats, source: Floats, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where each destination pixel comes from, under the affine map of its triangle.

    The triangles are the Delaunay triangulation of the destination, so they never overlap there.

    Args:
        destination, source: corresponding points (N, 2) in pixels.
        shape: (H, W) of the destination.

    Returns:
        (map, inside): float32 (H, W, 2) of source x, y (the identity outside the triangles), bool (H, W).
    """
    height, width = shape
    triangles = Delaunay(destination).simplices
    label = np.full(shape, -1, np.int32)
    corners = np.round(destination[triangles] * 16).astype(np.int32)  # 4 fractional bits
    for index, corner in enumerate(corners):
        cv2.fillConvexPoly(label, corner, index, cv2.LINE_8, 4)
    # affine map of each triangle: source = coefficients^T (x, y, 1)
    homogeneous = np.concatenate([destination[triangles], np.ones((len(triangles), 3, 1))], axis=2)
    flat = np.abs(np.linalg.det(homogeneous)) < 1e-6  # cannot hold a pixel's centre; keeps the solver from failing
    homogeneous[flat] = np.eye(3)
    coefficients = np.linalg.solve(homogeneous, source[triangles].astype(np.float64))
    coefficients[flat] = [[1, 0], [0, 1], [0, 0]]
    inside = label >= 0
    y, x = np.nonzero(inside)
    result = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2).astype(np.float32)
    chosen = coefficients.astype(np.float32)[label[inside]]
    x, y = x.astype(np.float32), y.astype(np.float32)
    result[inside] = chosen[:, 0] * x[:, None] + chosen[:, 1] * y[:, None] + chosen[:, 2]
    return result, inside


def sample(image: Raster, where: NDArray[np.float32], interpolation: int = cv2.INTER_LINEAR) -> NDArray[Any]:
    """The image (h, w, ...) at the float32 positions (H, W, 2) of x, y; beyond the border the nearest pixel counts."""
    # the stubs don't know that one map may hold both coordinates
    return cv2.remap(image, where, None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload, no-any-return]


def hull_mask(points: Floats, shape: tuple[int, int]) -> Pixels:
    """uint8 (H, W), 255 in the convex hull of the points (N, 2)."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 255)
    return mask


def soften(mask: Raster, width: float) -> NDArray[np.float32]:
    """Blending weights, float32 (H, W) in 0..1: 0 outside the mask, rising to 1 over `width` pixels from its edge."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)  # the image's border is no edge of the mask
    inner = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    ramp: Floats = np.clip(inner / max(width, 1e-6), 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)


def blend(below: Pixels, above: NDArray[Any], weight: NDArray[np.float32]) -> Pixels:
    """uint8 image of below * (1 - weight) + above * weight, rounded; exactly `below` where the weight is 0."""
    mixed = below + (above.astype(np.float32) - below) * weight[..., None]
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
