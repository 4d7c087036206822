"""Synthetic images and a toy detector for the stages that work on float32."""

import numpy as np
import torch

from advxai.detector.model import Detector
from tests.helpers import SIZE, linear_detector


def picture(seed: int, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    """RGB uint8 (h, w, 3): colour gradients with noise, other ones for another seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.sin(rng.uniform(2, 9, 3) * x[..., None] + rng.uniform(2, 9, 3) * y[..., None] + rng.uniform(0, 6, 3))
    return np.clip(128 + 70 * waves + rng.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8)


def load(item: dict[str, str]) -> np.ndarray:
    """The picture of an item whose key ends with its seed."""
    return picture(int(item["key"].rpartition("/")[2]))


def items(*seeds: int) -> list[dict[str, str]]:
    """Items of the pictures with these seeds."""
    return [{"key": f"videos/000_001.mp4/{seed}", "sha256": f"hash of {seed}"} for seed in seeds]


def detector(bias: float = 0.0, spread: float = 0.02, forward_batch: int = 16) -> Detector:
    """A linear detector with random weights."""
    weight = np.random.default_rng(21).normal(0, spread, (3, SIZE, SIZE))
    return linear_detector(torch.from_numpy(weight).float(), bias, forward_batch)
