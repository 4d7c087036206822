"""Natural Evolution Strategies: an adversarial copy that the detector calls real (paper, section 3, algorithm 1).

The state is an integer step map, in units of alpha: x_adv = x + alpha * steps is recomputed in every iteration, so that
what is stored reconstructs the adversarial image exactly.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.adversary.distortion import Distortion
from advxai.common.classes import Classes
from advxai.common.randomness import seed_of
from advxai.config.science import Nes
from advxai.detector.engine import Foreseen, enough, leaving, moved, room, values
from advxai.detector.model import Detector, Preprocessing

Noise = Callable[[int], Tensor]


@dataclass(frozen=True)
class Attack:
    """Outcome of an attack on one image.

    Attributes:
        steps: integer step map, int8 up to 127 iterations, else int16; (1, h, w) when the three channels share the
            noise, else (3, h, w); of a clip (frames, 1 or 3, h, w).
        iterations: updates made.
        queries: images through the detector: iterations * (2n + 1) + 1, of a clip for each frame.
        before, after: class probabilities (classes,) float32 of the clean and of the last image.
        success: the last image is called real.
        trace: p(Real) of the image before each update and after the last one, (iterations + 1,) float32.
    """

    steps: NDArray[np.int8] | NDArray[np.int16]
    iterations: int
    queries: int
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    success: bool
    trace: NDArray[np.float32]


def gaussian_noise(
    samples: int, size: tuple[int, int], device: torch.device, *identity: str | int, channels: int = 1
) -> Noise:
    """The default sampler: iteration -> (samples, channels, h, w) standard normal, seeded by (*identity, iteration).

    One channel: its value serves all three of the image, as in the released code.
    """
    generator = torch.Generator(device=device)

    def noise(iteration: int) -> Tensor:
        generator.manual_seed(seed_of(*identity, iteration))
        return torch.randn((samples, channels, *size), generator=generator, device=device)

    return noise


def _distortion(settings: Nes, preprocessing: Preprocessing, image: Tensor) -> Distortion:
    return Distortion(settings, *preprocessing.channels(image))


def reconstruct(
    image: Tensor, steps: Tensor | NDArray[np.integer], settings: Nes, preprocessing: Preprocessing
) -> Tensor:
    """The adversarial image, exactly as the attack saw it.

    Args:
        image: (3, h, w) normalised float32; or a clip's frames (T, 3, h, w).
        steps: (1 or 3, h, w) integers; of a clip (T, 1 or 3, h, w).
        settings: those that the steps were made with.
        preprocessing: the detector's.
    """
    steps = moved(torch.as_tensor(steps), image.device).to(image.dtype)
    copy: Tensor = _distortion(settings, preprocessing, image).apply(image, steps)
    return copy


def log_odds(probability: Tensor) -> Tensor:
    """log(p / (1 - p)) in float64: a float32 logarithm would round small differences of it away."""
    p = probability.double().clamp(torch.finfo(torch.float32).tiny, 1 - 2**-25)
    odds: Tensor = p.log() - (-p).log1p()
    return odds


def nes_at_once(settings: Nes, detector: Detector) -> int:
    """Attacks in work at once that fill every forward: they ask for 1 and 2n images in turn, so two more than for n."""
    return 2 + enough(settings.samples, detector)


class Climber:
    """One image on its way: its steps, its neighbours, and how the steps follow what the detector says of these.

    With `project` a step map never counts on beyond the bounds, so that the next step back counts at once.

    Args:
        image: (3, h, w) normalised float32.
        settings: alpha, delta, sigma, samples, iterations and the protocol's switches.
        preprocessing: the detector's.
        noise: iteration -> (n, 1 or 3, h, w) draws.
        mask: (h, w) bool; only these pixels are perturbed. None: all.

    Attributes:
        steps: (1 or 3, h, w) integers so far.
    """

    def __init__(
        self, image: Tensor, settings: Nes, preprocessing: Preprocessing, noise: Noise, mask: Tensor | None = None
    ) -> None:
        self.image, self.settings, self.noise, self.mask = image, settings, noise, mask
        self._draws: Tensor | None = None  # of the neighbours that are asked about
        self.distortion = _distortion(settings, preprocessing, image)
        kind = torch.int8 if settings.iterations <= 127 else torch.int16
        self.steps = torch.zeros((settings.channels, *image.shape[-2:]), dtype=kind, device=image.device)
        if settings.project:
            least, most = self.distortion.most_steps(image)
            if settings.channels == 1:  # as far as any channel can go
                least, most = least.amin(dim=0, keepdim=True), most.amax(dim=0, keepdim=True)
            self._least, self._most = least, most

    def present(self) -> Tensor:
        """The image after the steps so far, (3, h, w)."""
        current: Tensor = self.distortion.apply(self.image, self.steps.to(self.image.dtype))
        return current

    def around(self, current: Tensor, iteration: int, memory: Tensor) -> Tensor:
        """Write the 2n antithetic neighbours of the present image to `memory`, (2n, 3, h, w); returns it."""
        draws = self.noise(iteration)
        if self.mask is not None:
            draws = draws * self.mask
        self._draws = draws
        shift = self.distortion.normalised(self.settings.sigma * draws)
        more, less = torch.split(memory, self.settings.samples)
        if shift.shape[1] == 1 and not memory.is_contiguous():
            # channels last: one value for the three beside each other takes torch more than twice as long to add on a
            # CPU as to copy; the sums are the same
            more.copy_(shift)
            torch.sub(current, more, out=less)
            more.add_(current)
        else:
            torch.add(current, shift, out=more)
            torch.sub(current, shift, out=less)
        return memory

    def move(self, scores: Tensor) -> None:
        """A step of each pixel in the direction of its estimated gradient.

        Args:
            scores: (2n,) p(Real) of the neighbours that `around` has made last.
        """
        draws, self._draws = self._draws, None
        assert draws is not None
        count = self.settings.samples
        if self.settings.objective == "log_odds":
            scores = log_odds(scores)
        difference = (scores[:count] - scores[count:]).to(draws.dtype)
        gradient = (difference[:, None, None, None] * draws).sum(dim=0) / (2 * count * self.settings.sigma)
        self.steps += gradient.sign().to(self.steps.dtype)
        if self.settings.project:
            self.steps = self.steps.clamp(self._least, self._most).to(self.steps.dtype)


def attack(
    image: Tensor,
    settings: Nes,
    preprocessing: Preprocessing,
    noise: Noise,
    classes: Classes,
    mask: Tensor | None = None,
) -> Generator[Tensor, Tensor, Attack]:
    """Work (see `advxai.detector.engine`) that attacks one image until it is called real.

    Each iteration asks for the present image (the stop test), then for its 2n antithetic neighbours, estimates the
    gradient of the probability of Real (or of its log-odds), g = 1/(2 n sigma) sum_j [F(x + sigma u_j) - F(x - sigma
    u_j)] u_j, and moves each pixel by alpha in the direction of its sign.

    Args:
        image, settings, preprocessing, noise, mask: as of `Climber`.
        classes: the detector's, which say when an image is called real.
    """
    limit, real = settings.iterations, classes.real
    climber = Climber(image, settings, preprocessing, noise, mask)
    neighbours = room(image, 2 * settings.samples)
    before: Tensor | None = None
    trace = []
    for iteration in range(limit + 1):
        current, steps = climber.present(), leaving(climber.steps)
        following = Foreseen(len(neighbours), partial(climber.around, current, iteration, neighbours))
        asked = current[None]
        answer = values((yield following.after(asked) if iteration < limit else asked))[0]
        before = answer if before is None else before
        trace.append(answer[real].clone())
        success = bool(classes.called_real(answer))
        if success or iteration == limit:
            break
        climber.move((yield following.images)[:, real])
    assert before is not None  # one answer at least
    return Attack(
        steps=steps.wait().numpy(),
        iterations=iteration,
        queries=iteration * (2 * settings.samples + 1) + 1,
        before=before.numpy(),
        after=answer.numpy(),
        success=success,
        trace=torch.stack(trace).numpy(),
    )
