"""What a white box is given, what it returns, and how to write one."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from advxai.detector.gradients import Network
from advxai.detector.model import Preprocessing
from advxai.saliency.base import Unscaled


@dataclass(frozen=True)
class Batch:
    """Images to explain together, at most `network.batch`.

    Attributes:
        keys: n, the images' in the manifest.
        images: (n, 3, h, w) normalised float32, on the network's device.
        baselines: (n, 3, h, w) normalised float32, what stands for no evidence; None: the row has none.
        targets: (n,) int64, indices of the classes that are explained.
        generators: n, each seeded by (seed, "saliency", method, key).
        preprocessing: the detector's.
    """

    keys: Sequence[str]
    images: Tensor
    baselines: Tensor | None
    targets: Tensor
    generators: Sequence[np.random.Generator]
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Maps:
    """What a white box returns.

    Attributes:
        values: (n, h, w) float, larger is more important.
        zero: value that stands for no effect, where the maps have a sign: larger ones speak for the target, smaller
            ones against it. NaN: they have none.
        unscaled: n, what the maps were before each was stretched over its image. None: they are as they were computed.
    """

    values: NDArray[Any]
    zero: float = math.nan
    unscaled: Sequence[Unscaled] | None = None


class WhiteBox(ABC):
    """An explainer that asks the detector's module: for gradients, features, attention.

    A map must not depend on the other images of its batch, nor on how many there are. `Network` sees to it for
    scores and gradients; what is drawn comes from the image's own generator.
    """

    @abstractmethod
    def maps(self, network: Network, batch: Batch) -> Maps:
        """Explain the images; a segment's score is the mean of the map in it.

        Args:
            network: the detector's module, with gradients enabled. Hooks must be gone in the end, also after an error.
            batch: see `Batch`.
        """

    def remarks(self) -> Sequence[str]:
        """What is to be logged when all images are explained, a sentence each, such as how many are inexact."""
        return ()
