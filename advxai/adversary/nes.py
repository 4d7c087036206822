"""Natural Evolution Strategies: an adversarial copy that the detector calls real (paper, section 3, algorithm 1).

The state is an integer step map, in units of alpha: x_adv = x + alpha * steps is recomputed in every iteration, so that
what is stored reconstructs the adversarial image exactly.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from advxai.config.science import Nes
from advxai.randomness import seed_of

Noise = Callable[[int], Tensor]


@dataclass(frozen=True)
class Attack:
    """Outcome of an attack on one image.

    Attributes:
        steps: integer step map (1, h, w), int8 up to 127 iterations, else int16; one channel, since all three share the
            noise.
        iterations: updates made.
        queries: images through the detector: iterations * (2n + 1) + 1.
        before, after: class probabilities (classes,) float32 of the clean and of the last image.
        success: the last image is called real.
    """

    steps: np.ndarray
    iterations: int
    queries: int
    before: np.ndarray
    after: np.ndarray
    success: bool


def gaussian_noise(samples: int, size: tuple[int, int], device: torch.device, *identity: str | int) -> Noise:
    """The default sampler: iteration -> (samples, 1, h, w) standard normal, seeded by (*identity, iteration).

    One value a pixel, shared by the three channels, as in the released code.
    """
    generator = torch.Generator(device=device)

    def noise(iteration: int) -> Tensor:
        generator.manual_seed(seed_of(*identity, iteration))
        return torch.randn((samples, 1, *size), generator=generator, device=device)

    return noise


def reconstruct(image: Tensor, steps: Tensor | np.ndarray, alpha: float) -> Tensor:
    """x + alpha * steps: the adversarial image, exactly as the attack saw it.

    Args:
        image: (3, h, w) normalised float32.
        steps: (1, h, w) integers.
        alpha: step in normalised units, of the settings that the steps were made with.
    """
    return image + alpha * torch.as_tensor(steps, device=image.device).to(image.dtype)


def attack(
    image: Tensor, settings: Nes, noise: Noise, real: int, mask: Tensor | None = None
) -> Generator[Tensor, Tensor, Attack]:
    """Work (see `advxai.detector.engine`) that attacks one image until it is called real.

    Each iteration asks for the present image (the stop test), then for its 2n antithetic neighbours, estimates the
    gradient of the probability of Real, g = 1/(2 n sigma) sum_j [F(x + sigma u_j) - F(x - sigma u_j)] u_j, and moves
    each pixel by alpha in the direction of its sign.

    Args:
        image: (3, h, w) normalised float32.
        settings: alpha, delta, sigma, samples, iterations; units of the normalised image.
        noise: iteration -> (n, 1, h, w) draws.
        real: index of the class Real.
        mask: (h, w) bool; only these pixels are perturbed. None: all.
    """
    limit = settings.iterations
    steps = torch.zeros((1, *image.shape[-2:]), dtype=torch.int8 if limit <= 127 else torch.int16, device=image.device)
    before = None
    for iteration in range(limit + 1):
        current = reconstruct(image, steps, settings.step)
        answer = (yield current[None])[0]
        before = answer if before is None else before
        success = int(answer.argmax()) == real
        if success or iteration == limit:
            break
        draws = noise(iteration)
        if mask is not None:
            draws = draws * mask
        shift = settings.sigma * draws
        scores = (yield torch.cat([current + shift, current - shift]))[:, real]
        count = len(draws)
        difference = scores[:count] - scores[count:]
        gradient = (difference[:, None, None, None] * draws).sum(dim=0) / (2 * count * settings.sigma)
        steps += gradient.sign().to(steps.dtype)
    return Attack(
        steps=steps.cpu().numpy(),
        iterations=iteration,
        queries=iteration * (2 * settings.samples + 1) + 1,
        before=before.cpu().numpy(),
        after=answer.cpu().numpy(),
        success=success,
    )
