"""The images that a training sees: decoded, kept in memory as far as they fit, and augmented."""

import numpy as np

from advxai.common.arrays import Pixels
from advxai.common.randomness import seed_of
from advxai.config.science import Resize
from advxai.config.training import Training
from advxai.detector.augment import augment
from advxai.detector.augmentations import CHAINS
from advxai.frames.database import FrameStore
from advxai.media.fit import STRETCH, fitted

CACHE_BYTES = 2**30  # decoded images kept in memory; the others are decoded in every epoch


class Images:
    """Decoded images of a database, kept in memory as long as they fit.

    Args:
        frames: the database.
        size: side of the images that are returned.
        training: how they are augmented.
        cache_bytes: how much may be kept.
        resize: how they become that size, as of `Preprocessing`.
    """

    def __init__(
        self,
        frames: FrameStore,
        size: int,
        training: Training,
        cache_bytes: int = CACHE_BYTES,
        resize: Resize = STRETCH,
    ) -> None:
        self.frames, self.size, self.training, self.left, self.resize = frames, size, training, cache_bytes, resize
        self.kept: dict[str, Pixels] = {}

    def _decoded(self, key: str) -> Pixels:
        image = self.kept.get(key)
        if image is None:
            image = self.frames.image(key)
            if image.nbytes <= self.left:
                self.left -= image.nbytes
                self.kept[key] = image
        return image

    def plain(self, key: str) -> Pixels:
        """RGB uint8 (size, size, 3)."""
        return fitted(self._decoded(key), self.size, self.resize)

    def augmented(self, key: str, seed: int, epoch: int) -> Pixels:
        """RGB uint8 (size, size, 3), changed at random by (seed, epoch, key) alone."""
        rng = np.random.default_rng(seed_of(seed, "augment", epoch, key))
        image, training = self._decoded(key), self.training
        if training.augmentations != "ours":
            return CHAINS[training.augmentations](image, self.size, rng, self.resize)
        return augment(image, self.size, training.jpeg, rng, training.blur, self.resize)
