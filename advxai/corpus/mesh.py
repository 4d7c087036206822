"""The 468-point face mesh (Kartynnik et al. 2019, "Real-time facial surface geometry") and its rigid alignment."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from advxai.common.arrays import Floats, Pixels, Raster
from advxai.common.errors import reading
from advxai.common.types import Edges

SIDE = 192  # the network's input, in pixels
CONTEXT = 1.5  # side of the square that the network sees, in sides of the face's box
POINTS = 468

# Indices of the mesh's points. Right and left are the person's own.
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)
OVAL = np.array(
    [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
    + [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
)
LIPS = np.array([61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185])
# points that no expression moves much: forehead, temples, bridge of the nose, corners of the eyes
RIGID = np.array(
    [10, 338, 297, 332, 284, 251, 389, 454, 234, 162, 21, 54, 103, 67, 109]
    + [168, 6, 197, 195, 5, 4, 1, *RIGHT_EYE, *LEFT_EYE]
)


class FaceMesh:
    """Fits the mesh to a face of known box."""

    def __init__(self, tflite: Path) -> None:
        """Load the network; InputError when the file isn't a readable TFLite model."""
        with reading(tflite, "fetch it again.", "a TFLite model"):
            self._net = cv2.dnn.readNetFromTFLite(str(tflite))

    def fit(self, frame: Pixels, box: Edges, eyes: Floats) -> NDArray[np.float32]:
        """Points (468, 3), float32, pixels: x, y in the frame, z the depth on the same scale (smaller is nearer).

        Args:
            frame: uint8 (H, W, 3) RGB.
            box: (x1, y1, x2, y2) of the face in pixels.
            eyes: (2, 2) x, y of the two eyes in the order in which they appear from left to right.
        """
        x1, y1, x2, y2 = box
        points = self._fit(frame, ((x1 + x2) / 2, (y1 + y2) / 2), max(x2 - x1, y2 - y1), eyes)
        # once more on the mesh's own square, which does not depend on the detector's habit of framing
        eyes = np.stack([points[list(RIGHT_EYE), :2].mean(0), points[list(LEFT_EYE), :2].mean(0)])
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        return self._fit(frame, (low + high) / 2, float((high - low).max()), eyes)

    def _fit(self, frame: Pixels, centre: ArrayLike, side: float, eyes: Floats) -> NDArray[np.float32]:
        to_input = level_square(centre, side * CONTEXT, eyes, SIDE)
        crop = cv2.warpAffine(frame, to_input, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self._net.setInput(np.ascontiguousarray(crop.transpose(2, 0, 1)[None], dtype=np.float32) / 255)
        points = self._net.forward().reshape(POINTS, 3).astype(np.float32)
        points[:, 2] *= side * CONTEXT / SIDE
        points[:, :2] = transform(cv2.invertAffineTransform(to_input), points[:, :2])
        return points


def level_square(centre: ArrayLike, side: float, eyes: Floats, size: int) -> NDArray[np.float64]:
    """Affine map (2, 3) that takes a square of `side` pixels, turned so that the eyes are level, to [0, size)^2."""
    across = np.subtract(eyes[1], eyes[0])
    angle = np.arctan2(across[1], across[0])
    scale = size / side
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return np.hstack([turn, (size / 2 - turn @ np.asarray(centre, dtype=float))[:, None]])


def transform(affine: Raster, points: Floats) -> Floats:
    """Apply an affine map (2, 3) to points (N, 2)."""
    return points @ affine[:, :2].T + affine[:, 2]


def similarity(moving: Floats, fixed: Floats) -> tuple[float, Floats, Floats]:
    """Scale s, rotation R (D, D) and shift t that minimise |s R moving + t - fixed|^2 over points (N, D), N >= D.

    Umeyama (1991), "Least-squares estimation of transformation parameters between two point patterns".
    """
    centre_m, centre_f = moving.mean(0), fixed.mean(0)
    a, b = moving - centre_m, fixed - centre_f
    u, values, vt = np.linalg.svd(b.T @ a)
    signs = np.ones(len(values))
    signs[-1] = np.sign(np.linalg.det(u @ vt))  # a rotation, not a reflection
    rotation = (u * signs) @ vt
    scale = float((values * signs).sum() / (a**2).sum())
    return scale, rotation, centre_f - scale * rotation @ centre_m


def pose_aligned(moving: Floats, fixed: Floats) -> Floats:
    """The mesh `moving` (468, 3) brought to the head pose of `fixed`; what still differs is expression."""
    scale, rotation, shift = similarity(moving[RIGID], fixed[RIGID])
    return (scale * moving @ rotation.T + shift).astype(np.float32)


def turn(moving: Floats, fixed: Floats) -> float:
    """Angle in radians, 0..pi, between the head poses of two meshes (468, 3)."""
    _, rotation, _ = similarity(moving[RIGID], fixed[RIGID])
    return float(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
