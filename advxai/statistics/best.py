"""Which rows may be the best."""

from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from advxai.common.arrays import Flags, Floats, Labels
from advxai.statistics.intervals import LEAST, LEVEL, RESAMPLES
from advxai.statistics.sums import Sums, sums


def pairs_of(found: Sums) -> tuple[Sums, Labels]:
    """Sums of the differences of all pairs of columns, and the pairs (pairs, 2)."""
    pairs = np.array(list(combinations(range(found.totals.shape[1]), 2)), dtype=np.intp).reshape(-1, 2)
    first, second = found.totals[:, pairs[:, 0]], found.totals[:, pairs[:, 1]]
    same = np.isclose(first, second, rtol=1e-12, atol=1e-15)  # but for how they were rounded, which is no difference
    return Sums(found.names, np.where(same, 0.0, first - second), found.counts), pairs


def statistics(found: Sums, signs: Floats) -> Floats:
    """(resamples, columns) size of each mean in its own standard errors, with clusters' residuals under other signs."""
    own, counts = found.residuals, found.counts
    shift = signs @ own / found.n
    left = (own**2).sum(0) - 2 * shift * (signs @ (own * counts[:, None])) + shift**2 * (counts**2).sum()
    error = np.sqrt(found.clusters / (found.clusters - 1) * np.maximum(left, 0)) / found.n
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(found.error == 0, 0.0, np.abs(shift) / error)


def differing(found: Sums, resamples: int, generator: np.random.Generator) -> Flags:
    """(columns,) which means differ from 0, family-wise: the max-T of Romano and Wolf (2005), stepped down."""
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.where(found.mean == 0, 0.0, np.abs(found.mean) / found.error)
    signs = 2.0 * generator.integers(2, size=(resamples, found.clusters)) - 1
    drawn = statistics(found, signs)
    rejected = np.zeros(len(observed), dtype=bool)
    while not rejected.all():
        limit = np.sort(drawn[:, ~rejected].max(1))[round((resamples + 1) * LEVEL) - 1]
        more = ~rejected & (observed > limit)
        if not more.any():
            break
        rejected |= more
    return rejected


def best_group(
    values: pd.DataFrame,
    clusters: ArrayLike,
    better: Literal["higher", "lower"],
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> set[str]:
    """The row with the best mean, and those that can't be told from it.

    Which row is the best is learnt from the same images, so the error is kept over all pairs of rows (max-T of
    studentised differences, Romano and Wolf 2005), not only over those with the row that happened to come out best; a
    set of rows that may be the best is what Hsu's multiple comparisons with the best (1996) are for. Clusters'
    residuals are drawn with signs of their own (the wild cluster bootstrap of Cameron, Gelbach and Miller 2008): drawn
    with replacement, two rows that differ in a few clusters alone would often not differ at all.

    Args:
        values: images x rows; only images that all rows have count. A row without a value (NaN) at all is left out.
        clusters: (images,) name of each image's cluster.
        better: which mean is the best.
        generator: signs are drawn from it.
        resamples: how often.

    Returns:
        Names of rows, the best among them; none where no image or fewer than `LEAST` clusters are left: nothing is
        told from anything then.

    Raises:
        ValueError: `better` is neither, or the arguments don't fit each other.
    """
    if better not in ("higher", "lower"):
        raise ValueError(f"better is {better!r}, which says not what is best")
    names = sorted(values.columns[values.notna().any()])
    found = sums(values[names].to_numpy(dtype=np.float64), clusters)
    if not names or found.clusters < LEAST:
        return set()
    means = found.mean if better == "higher" else -found.mean
    best = means == means.max()
    differences, pairs = pairs_of(found)
    told = pairs[differing(differences, resamples, generator)]
    with_the_best = told[best[told].any(1)]
    return set(names) - {names[row] for row in with_the_best.ravel() if not best[row]}
