"""What a map over time looks like, whether it is right or not: pure numbers of a map (T, h, w).

Variance, tau, rho and mu are those of Pino et al. (2021, arXiv 2105.05902), intensity that of the first version of
their table; smoothness, sparsity and locality are properties that Baldassarre et al. (arXiv 2210.03683) name, by
definitions of our own. All but `scaled` take a map that is >= 0. What a map doesn't have is nan, and what was left out
on the way is counted.
"""

from typing import NamedTuple

import numpy as np

from advxai.common.arrays import Flags, Floats
from advxai.metrics.complexity import gini
from advxai.metrics.localisation import positive

SHIFT = 0.1  # of the autocorrelation, as a share of the map's side
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))  # of the eight, one of each two opposite ones: they agree
HALF = np.sqrt(0.5)  # side of the central box of half the area


class Found(NamedTuple):
    """A mean over frames, or pairs of frames.

    Attributes:
        value: nan where no frame (pair) has one.
        missing: frames (pairs) without one.
    """

    value: float
    missing: int


def _mean(values: Floats) -> Found:
    there = values[np.isfinite(values)]
    return Found(float(there.mean()) if len(there) else float("nan"), len(values) - len(there))


def scaled(saliency: Floats, zero: float) -> Floats:
    """A map as the measures take it: its positive part (`advxai.metrics.localisation.positive`), for maps of the source
    are >= 0 and say what speaks for the class, over its greatest value in all frames.

    Args:
        saliency: (T, h, w).
        zero: its value that stands for no effect; nan: it has none.

    Returns:
        (T, h, w) float64 in [0, 1]; 0 all over, if the map has no positive part.
    """
    found = positive(saliency, zero)
    most = found.max()
    return found / most if most > 0 else found


def intensity(maps: Floats) -> float:
    """I: mean over the clip, in [0, 1]."""
    return float(maps.mean())


def variance(maps: Floats) -> float:
    """V: mean over frames of the variance of the map, in [0, .25]."""
    return float(maps.var(axis=(1, 2)).mean())


def constant(maps: Floats) -> Flags:
    """(T,) frames whose map has one value alone, which correlate with nothing."""
    flat = maps.reshape(len(maps), -1)
    return np.asarray(flat.max(axis=1) == flat.min(axis=1))


def tau(maps: Floats) -> Found:
    """Consistency over time: mean over pairs of consecutive frames of Pearson's correlation of their maps, in [-1, 1].

    A pair with a constant frame has none: it is missing. What it rewards is a map that stays, right or not.
    """
    flat = maps.reshape(len(maps), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    length[constant(maps)] = np.nan  # centred, a constant frame is rounding alone
    return _mean(np.clip((centred[1:] * centred[:-1]).sum(axis=1) / (length[1:] * length[:-1]), -1, 1))


def rho(maps: Floats) -> Found:
    """Consistency in space: mean over frames of the mean over eight shifts s of a(s) / a(0), in [-1, 1].

    a is the autocorrelation of the map less its mean, and a shift a tenth of the map's sides (a whole number of pixels,
    one at least) to one of the eight neighbours; with the mean in it no value could be below 0. Beyond its edge the map
    is 0, that is its mean: a circular one would hold the left cheek against the right ear. So of a(s) only the pixels
    count that overlap. A constant frame has none: it is missing.
    """
    height, width = maps.shape[1:]
    down, across = (max(1, round(SHIFT * side)) for side in (height, width))
    centred = maps - maps.mean(axis=(1, 2), keepdims=True)
    whole = (centred**2).sum(axis=(1, 2))
    whole[constant(maps)] = np.nan
    shares = []
    for y, x in NEIGHBOURS:
        low, left = y * down, x * across
        one = centred[:, low:, max(left, 0) : width + min(left, 0)]
        other = centred[:, : height - low, max(-left, 0) : width - max(left, 0)]
        shares.append((one * other).sum(axis=(1, 2)) / whole)
    return _mean(np.mean(shares, axis=0))


def inner(side: int) -> Floats:
    """(side,) share of each pixel that lies in the middle part of the side, sqrt(1/2) of it long."""
    margin = side * (1 - HALF) / 2
    edges = np.arange(side)
    share: Floats = np.clip(np.minimum(edges + 1, side - margin) - np.maximum(edges, margin), 0, 1)
    return share


def mu(maps: Floats) -> Found:
    """Centredness: mean over frames of the share of a frame's intensity that lies in its central box of half the area,
    in [0, 1].

    Pixels on the box's border count by the part that lies in it, so that a uniform map has .5 at any size; a box of
    whole pixels gives .4975 at 224 px. A frame of zeros has none: it is missing.
    """
    height, width = maps.shape[1:]
    within = np.einsum("tyx,y,x->t", maps, inner(height), inner(width))
    return _mean(_over(within, maps.sum(axis=(1, 2))))


def _over(part: Floats, whole: Floats) -> Floats:
    """part / whole, nan where that is 0."""
    share: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share


def smoothness(maps: Floats) -> float:
    """Ours: 1 less the change from frame to frame over what there is to change, in [0, 1].

    1 - sum |m(t+1) - m(t)| / sum (m(t+1) + m(t)), both sums over all pixels of all consecutive frames: 1 where nothing
    changes, 0 where no two consecutive frames share a place. Unlike tau it is defined for constant frames. nan: the map
    is zero all over, or has one frame.
    """
    both = (maps[1:] + maps[:-1]).sum()
    return float(1 - np.abs(np.diff(maps, axis=0)).sum() / both) if both > 0 else float("nan")


def sparsity(maps: Floats) -> float:
    """Ours for maps over time: the Gini index (`advxai.metrics.complexity.gini`) over all pixels of all frames: 0 where
    all are alike, near 1 where one has all. nan: the map is zero all over."""
    values = maps.ravel()
    return gini(values) if values.any() else float("nan")


def locality(maps: Floats) -> Found:
    """Ours: how near to each other the places lie that a frame's map points at, whichever they are; mean over frames.

    1 - d / D: d the root mean square distance of the frame's intensity from its centre of mass, D half the diagonal,
    the farthest that can be; both in units of the frame's sides. In [0, 1]: 1 in one pixel, 1 - sqrt(1/3) = .42 of a
    uniform map, 0 half in one corner and half in the opposite one. A frame of zeros has none: it is missing.
    """
    total = maps.sum(axis=(1, 2))
    squared = np.zeros(len(maps))
    for axis, other in ((1, 2), (2, 1)):
        side = maps.shape[axis]
        place = (np.arange(side) + 0.5) / side
        weights = maps.sum(axis=other)
        middle = _over(weights @ place, total)
        squared += _over((weights * (place - middle[:, None]) ** 2).sum(axis=1), total)
    return _mean(1 - np.sqrt(squared / 0.5))
