"""The learning rate of a training, by step or by epoch, from what the history says: a resumed training has the same."""

import math
from collections.abc import Sequence

import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from advxai.config.training import Training

WARM_UP = 0.1  # share of the steps in which the learning rate rises


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Learning rate of step 0 ... steps - 1: linear warm-up over a tenth of them, then a cosine to (nearly) zero."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))


def rate_of_epoch(training: Training, epoch: int, losses: Sequence[float]) -> float:
    """Learning rate of all steps of an epoch, with `schedule: step` or `plateau`; torch's schedulers.

    Args:
        training: schedule, learning_rate, gamma, step_epochs and plateau_epochs.
        epoch: from 0.
        losses: validation losses of the epochs before it; of no matter to `step`.
    """
    optimiser = SGD([torch.zeros(1)], lr=training.learning_rate)
    if training.schedule == "step":
        steps = StepLR(optimiser, training.step_epochs, training.gamma)
        optimiser.step()  # nothing has a gradient; torch wants it before its scheduler's first step
        for _ in range(epoch):
            steps.step()
    else:
        # Torch waits for one more epoch than its patience. Any lower loss counts, as for early stopping.
        plateau = ReduceLROnPlateau(
            optimiser, factor=training.gamma, patience=training.plateau_epochs - 1, threshold=0.0, eps=0.0
        )
        for loss in losses:
            plateau.step(loss)
    return float(optimiser.param_groups[0]["lr"])
