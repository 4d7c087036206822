"""From an attack's step map to the adversarial image, on numpy arrays and torch tensors alike.

An attack's state is an integer step map; what lies between it and the image (units, the delta ball, valid pixels) is a
pure function of image and steps, recomputed each time and never stored.
"""

from dataclasses import dataclass
from typing import Any

from advxai.config.science import Nes

Array = Any  # a numpy array or a torch tensor
SLACK = 1e-4  # of a step: what is left of a normalised pixel up to black or white is rounded in float32


@dataclass(frozen=True)
class Distortion:
    """What an attack's settings make of steps.

    Attributes:
        settings: alpha and delta in their `units`, and whether to project.
        mean, std: of the normalisation, in units of the [0, 1] image; they broadcast to the image's channels.
    """

    settings: Nes
    mean: Array
    std: Array

    @property
    def unit(self) -> Array:
        """One of the settings' `units`, in normalised ones."""
        return 1 / self.std if self.settings.units == "pixel" else 1.0

    def normalised(self, shift: Array) -> Array:
        """A shift in the settings' `units`, in normalised ones; those that are so already are left alone."""
        return shift * self.unit if self.settings.units == "pixel" else shift

    def bounds(self, image: Array) -> tuple[Array, Array]:
        """Least and largest shift of each value, in `units`: within delta, and pixels within [0, 1].

        Args:
            image: (3, h, w) normalised, of valid pixels; a rounding beyond counts as on the edge.
        """
        delta, unit = self.settings.delta, self.unit
        low, high = (-self.mean / self.std - image) / unit, ((1 - self.mean) / self.std - image) / unit
        return low.clip(-delta, 0), high.clip(0, delta)

    def most_steps(self, image: Array) -> tuple[Array, Array]:
        """Least and largest number of steps (3, h, w), float, that move a value; the last one may be cut short."""
        low, high = self.bounds(image)
        step = self.settings.step
        return (low / step + SLACK) // 1, -((-high / step + SLACK) // 1)

    def apply(self, image: Array, steps: Array) -> Array:
        """The adversarial image: x + alpha * steps, exactly as the attack saw it.

        Args:
            image: (3, h, w) normalised.
            steps: (1, h, w) or (3, h, w), of the image's type.
        """
        shift = self.settings.step * steps
        if self.settings.project:
            low, high = self.bounds(image)
            shift = shift.clip(low, high)
        return image + self.normalised(shift)
