"""Attention that is a map: where a network looks, whatever it then says."""

import numpy as np
from torch import nn

from advxai.detector.attention import maps_seen
from advxai.detector.gradients import Network
from advxai.detector.layers import NoLayer
from advxai.saliency.whitebox import Batch, Maps, WhiteBox


class Attention(WhiteBox):
    """The map by which a network weighs the places of its features, enlarged to the image bilinearly.

    It is learnt, asks for no gradient, and is the same whatever class is explained: a place that the network looks at
    may speak for either. Its values are between 0 and 1; those of a softmax (LTPA) add up to 1 over all places.

    Args:
        level: of several maps in the order in which the network computes them, 1 first. None: the only one; of three
            the second.
    """

    def __init__(self, level: int | None = None) -> None:
        self.level = level

    def maps(self, network: Network, batch: Batch) -> Maps:
        """Explain the images with one forward; see `WhiteBox`.

        Raises:
            NoLayer: the network has no such map, or not so many.
        """
        with maps_seen(network) as look:
            found = look(batch.images)
        small = found[_level(self.level, len(found)) - 1]
        large = nn.functional.interpolate(small[:, None], batch.images.shape[2:], mode="bilinear")[:, 0]
        return Maps(large.cpu().numpy().astype(np.float32))


def _level(asked: int | None, count: int) -> int:
    if asked is None:
        if count not in (1, 3):
            raise NoLayer(f"level: the detector shows {count} attention maps; say which is meant, 1 to {count}")
        return 1 if count == 1 else 2
    if asked > count:
        there = "1 attention map, so that level is 1 or left out" if count == 1 else f"{count} attention maps"
        raise NoLayer(f"level: {asked} isn't there, for the detector shows {there}")
    return asked
