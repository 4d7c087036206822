"""One crop and all that was computed of it."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Flags, Floats
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.config.science import Fit
from advxai.explain.source import Face
from advxai.media.fit import Part, lies_in, region_over
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
        fit: how the crop lies in what the detector sees, as of `advxai.media.fit.lies_in`.
    """

    face: Face
    classes: Classes
    adversary: Record
    image: NDArray[np.float32]
    copy: NDArray[np.float32]
    maps: dict[str, Record] = field(default_factory=dict)
    attacks: dict[str, list[Record]] = field(default_factory=dict)
    fit: Fit = "stretch"

    @property
    def predicted(self) -> int:
        """Index of the class that the detector gives the face."""
        return int(self.classes.called(self.adversary["before"]))

    @property
    def display(self) -> Floats:
        """The crop to be drawn, (n, n, 3) float in [0, 1]: in its own resolution, within limits."""
        return self.enlarged(min(max(*self.face.crop.shape[:2], len(self.image)), LARGEST))

    def enlarged(self, side: int) -> Floats:
        """The crop as it lies in what the detector sees, at another size: (side, side, 3) float in [0, 1]."""
        crop = unit(self.face.crop)
        if self.fit == "stretch":
            return resized(crop, side)
        part = self.part.scaled(side / len(self.image))
        seen = np.zeros((side, side, 3))
        how = cv2.INTER_AREA if part.height < len(crop) else cv2.INTER_CUBIC
        part.of(seen)[:] = cv2.resize(crop, (part.width, part.height), interpolation=how).clip(0, 1)
        return seen

    @property
    def part(self) -> Part:
        """Where the crop lies in what the detector sees."""
        return lies_in(self.face.size, len(self.image), self.fit)

    @property
    def mask(self) -> Flags | None:
        """The region that is known to be manipulated, as it lies in what the detector sees: bool, of the crop's pixels
        where that is all the detector sees, else of the detector's input."""
        if self.face.mask is None or self.fit == "stretch":
            return None if self.face.mask is None else self.face.mask > 0
        return region_over(self.face.mask > 0, (len(self.image), len(self.image)), self.fit)

    @property
    def called_real(self) -> bool:
        """The detector calls the face real."""
        return self.predicted == self.classes.real
