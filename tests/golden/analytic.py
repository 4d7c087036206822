"""Attacks on a detector of plain arithmetic in float64, so that the step map is the same on every machine.

`math.fsum` doesn't depend on the order of the terms, and nothing but +, -, * and / is used.
"""

import hashlib
import math
from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advxai.adversary.nes import Attack, attack
from advxai.common.classes import Classes
from advxai.config.science import Nes
from tests.golden.compare import Near
from tests.helpers import UNIT

SIDE = 12
CLASSES = Classes(("Real", "A", "B"))


def image() -> Tensor:
    """(3, h, w) float64 of what a normalised image holds."""
    return torch.from_numpy(np.random.default_rng(11).uniform(-1, 1, (3, SIDE, SIDE)))


def probabilities(images: Tensor) -> Tensor:
    """Probabilities (n, 3) float64 of Real and two categories: a cubic score, squashed without an exponential."""
    weight = np.random.default_rng(12).uniform(-1, 1, (3, SIDE, SIDE))
    answers = []
    for one in images.numpy():
        score = math.fsum((weight * one + 0.3 * weight * one * one * one).ravel().tolist()) / 8 + 1.7
        fake = (1 + score / (1 + abs(score))) / 2
        answers.append([1 - fake, 0.75 * fake, 0.25 * fake])
    return torch.tensor(answers, dtype=torch.float64)


def attacked(settings: Nes, seed: int, mask: np.ndarray | None = None) -> dict[str, Any]:
    """What comes of an attack on the image with numpy's noise."""

    def noise(iteration: int) -> Tensor:
        rng = np.random.default_rng([seed, iteration])
        return torch.from_numpy(rng.standard_normal((settings.samples, 1, SIDE, SIDE)))

    pixels = None if mask is None else torch.from_numpy(mask)
    return _described(_drive(attack(image(), settings, UNIT, noise, CLASSES, pixels)))


def _drive(work: Generator[Tensor, Tensor, Attack]) -> Attack:
    try:
        images = next(work)
        while True:
            images = work.send(probabilities(images))
    except StopIteration as stop:
        return stop.value


def _described(outcome: Attack) -> dict[str, Any]:
    steps = np.ascontiguousarray(outcome.steps.astype("<i8"))
    return {
        "steps_sha256": hashlib.sha256(steps.tobytes()).hexdigest(),
        "steps_shape": steps.shape,
        "steps_type": str(outcome.steps.dtype),
        "steps_range": [steps.min(), steps.max()],
        "moved": np.count_nonzero(steps),
        "iterations": outcome.iterations,
        "queries": outcome.queries,
        "success": outcome.success,
        "before": Near(outcome.before, absolute=1e-12),
        "after": Near(outcome.after, absolute=1e-12),
    }
