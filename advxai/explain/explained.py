"""One crop and all that was computed of it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.explain.source import Face
from advxai.report.forms import resized, unit

LARGEST = 448  # pixels a side of a crop that is drawn


@dataclass(frozen=True, eq=False)
class Explained:
    """One crop and all that was computed of it.

    Attributes:
        face: the crop.
        classes: the detector's.
        adversary: record of the stage adversary; of a face already called Real, without an iteration.
        image: (size, size, 3) float32 in [0, 1], the crop as the detector sees it.
        copy: its adversarial copy, exactly as the detector saw it: values may lie outside of [0, 1].
        maps: explainer -> record of the stage saliency; those with an adversarial baseline lack a face called Real.
        attacks: explainer -> records of the attacks on its first 1, 2, ... segments; none of a face called Real.
    """

    face: Face
    classes: Classes
    adversary: Record
    image: NDArray[np.float32]
    copy: NDArray[np.float32]
    maps: dict[str, Record] = field(default_factory=dict)
    attacks: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def predicted(self) -> int:
        """Index of the class that the detector gives the face."""
        return int(self.classes.called(self.adversary["before"]))

    @property
    def display(self) -> Floats:
        """The crop to be drawn, (n, n, 3) float in [0, 1]: in its own resolution, within limits."""
        return self.enlarged(min(max(*self.face.crop.shape[:2], len(self.image)), LARGEST))

    def enlarged(self, side: int) -> Floats:
        """The crop at another size: (side, side, 3) float in [0, 1]."""
        return resized(unit(self.face.crop), side)

    @property
    def called_real(self) -> bool:
        """The detector calls the face real."""
        return self.predicted == self.classes.real
