"""A drawn face with a mesh whose named points are where a face has them; no photograph, no network."""

import cv2
import numpy as np

from advxai.corpus.mesh import LEFT_EYE, LIPS, OVAL, POINTS, RIGHT_EYE


def synthetic_mesh(centre: tuple[float, float] = (80, 64), radius: float = 30, smile: float = 0) -> np.ndarray:
    """Mesh (468, 3) of an upright egg-shaped face `radius` pixels wide to each side; `smile` widens the lips."""
    rng = np.random.default_rng(5)
    angle, reach = rng.uniform(0, 2 * np.pi, POINTS), np.sqrt(rng.uniform(0, 0.85, POINTS))
    flat = np.stack([reach * np.sin(angle), -1.2 * reach * np.cos(angle)], axis=1)
    around = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    flat[OVAL] = np.stack([np.sin(around), -1.2 * np.cos(around)], axis=1)
    around = np.linspace(0, 2 * np.pi, len(LIPS), endpoint=False)
    flat[LIPS] = np.stack([(0.35 + smile) * np.cos(around), 0.6 + 0.12 * np.sin(around)], axis=1)
    flat[list(RIGHT_EYE)], flat[list(LEFT_EYE)] = [[-0.55, -0.3], [-0.25, -0.3]], [[0.25, -0.3], [0.55, -0.3]]
    depth = (flat**2).sum(1, keepdims=True) - 1
    return (np.hstack([flat, depth]) * radius + [*centre, 0]).astype(np.float32)


def synthetic_frame(seed: int = 0, height: int = 128, width: int = 160) -> np.ndarray:
    """uint8 (H, W, 3): smooth random texture, the same for the same seed."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)
