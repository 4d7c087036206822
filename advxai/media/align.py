"""Faces laid over each other by five landmarks: a fixed face, and the similarity that brings another one onto it."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]  # (5, 2) x, y: the eyes, the nose's tip, the corners of the mouth, left before right
ARCFACE_SIDE = 112
# ArcFace's fixed face (Deng et al. 2019), of 112 x 112 pixels.
ARCFACE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def template(side: int, scale: float) -> NDArray[np.float64]:
    """ArcFace's fixed face in a square of `side` pixels, drawn in so that there is a margin around it: (5, 2).

    Args:
        side: of the square, in pixels.
        scale: of the square with the margin over that without; 1: no margin.
    """
    margin = side * (scale - 1) / 2
    found: NDArray[np.float64] = (ARCFACE * side / ARCFACE_SIDE + margin) * side / (side + 2 * margin)
    return found


def similarity(points: Points, onto: Points) -> NDArray[np.float64]:
    """The scale, rotation and shift that bring points nearest to others (Umeyama 1991, without reflection):
    x' = a x - b y + s, y' = b x + a y + t.

    Args:
        points, onto: (n, 2).

    Returns:
        (2, 3), as OpenCV's `warpAffine` takes it.

    Raises:
        ValueError: the points are all the same.
    """
    source, target = (np.asarray(one, np.float64) @ (1, 1j) for one in (points, onto))
    centred, aim = source - source.mean(), target - target.mean()
    spread = (np.abs(centred) ** 2).sum()
    if not spread > 0:
        raise ValueError("points that are all the same have no scale")
    turn = (centred.conj() * aim).sum() / spread
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
