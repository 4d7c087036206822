"""Whether two rows differ on the same images, and whether two columns agree on the rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kendalltau, monte_carlo_test

from advxai.common.arrays import Floats
from advxai.statistics.intervals import LEAST, RESAMPLES, ends
from advxai.statistics.sums import sums

PERMUTATIONS = 9999


@dataclass(frozen=True)
class Test:
    """A paired comparison.

    Attributes:
        difference: mean of a - b over the images that both have; NaN if there is none.
        low, high: ends of its interval; NaN below `LEAST` clusters.
        p: two-sided, of the permutation test; NaN below `LEAST` clusters.
        n: number of images.
        clusters: number of clusters.
    """

    __test__ = False  # not a test of pytest's

    difference: float
    low: float
    high: float
    p: float
    n: int
    clusters: int


def exchanged(totals: Floats, generator: np.random.Generator, permutations: int = PERMUTATIONS) -> float:
    """Two-sided p of the permutation test that exchanges a and b in whole clusters.

    Exchanging the two rows in a cluster turns the sign of its differences' sum, so the clusters' sums are all it
    takes: the test is `scipy.stats.permutation_test(..., permutation_type="samples")` of them, with the signs drawn
    at once, which is ten times as fast.

    Args:
        totals: (clusters,) sums of a - b.
        generator: signs are drawn from it.
        permutations: how many; the least p is 2 / (permutations + 1).
    """
    scale = np.abs(totals).sum()
    if scale == 0:
        return 1.0
    shares = totals / scale

    def flipped(size: tuple[int, int]) -> Floats:
        turned: Floats = (2.0 * generator.integers(2, size=size, dtype=np.int8) - 1) * shares
        return turned

    def added(part: Floats, axis: int) -> Floats:
        whole: Floats = part.sum(axis)
        return whole.round(12)  # ties stay ties, whatever was rounded on the way

    found = monte_carlo_test(shares, flipped, added, vectorized=True, n_resamples=permutations)
    return float(found.pvalue)


def paired(
    a: ArrayLike,
    b: ArrayLike,
    clusters: ArrayLike,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
) -> Test:
    """Compare two rows on the images that both have.

    p comes from exchanging the rows in whole clusters, the interval from the symmetric bootstrap-t over clusters. They
    are computed independently, so near .05 one may find what the other doesn't; the test decides.

    Args:
        a, b: (images,) values of the same images in the same order; NaN: missing.
        clusters: (images,) name of each image's cluster.
        generator: signs and clusters are drawn from it.
        resamples: of the bootstrap.
        permutations: of the test.

    Raises:
        ValueError: the arguments don't fit each other.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"there are {first.size} and {second.size} values, which are no pairs")
    same = np.isclose(first, second, rtol=1e-12, atol=1e-15)  # but for how they were rounded, which is no difference
    found = sums(np.where(same, 0.0, first - second), clusters)
    if found.clusters < LEAST:
        return Test(float(found.mean), np.nan, np.nan, np.nan, found.n, found.clusters)
    p = exchanged(found.totals, generator, permutations)
    low, high, _ = ends(found, generator, resamples, symmetric=True)
    return Test(float(found.mean), low, high, p, found.n, found.clusters)


def holm(p: ArrayLike) -> Floats:
    """p-values adjusted for their number (Holm 1979); scipy has only false discovery rates.

    Args:
        p: (tests,) NaN: no test was made, which stays and doesn't count.

    Returns:
        (tests,) the family-wise level at which each test rejects.
    """
    given = np.asarray(p, dtype=np.float64)
    adjusted = np.full(given.shape, np.nan)
    order = np.argsort(given, kind="stable")[: np.count_nonzero(~np.isnan(given))]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * given[order])) if len(order) else ()
    return adjusted


def kendall(a: ArrayLike, b: ArrayLike) -> float:
    """Kendall's tau-b between two columns' orders of the rows, in [-1, 1].

    Args:
        a, b: (rows,) values in the same order of rows; rows that lack one (NaN) are left out.

    Returns:
        NaN where fewer than two rows are left, or one of the columns has them all alike.

    Raises:
        ValueError: there are not as many of one as of the other.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"there are {first.size} and {second.size} values, which are no pairs")
    both = ~np.isnan(first) & ~np.isnan(second)
    if both.sum() < 2:
        return float("nan")
    return float(kendalltau(first[both], second[both]).statistic)
