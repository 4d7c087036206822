"""Intervals of a share and of a mean over images, some of which are of the same people.

Two images of one person say less than images of two, so an interval that counts images is too narrow: with ten images
a person that resemble each other by an intra-cluster correlation of .5 it misses the truth two times in five.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from advxai.common.arrays import Floats
from advxai.statistics.sums import Sums, sums

LEAST = 20  # clusters, below which neither an interval nor a test keeps what it promises
LEVEL = 0.95  # of confidence
RESAMPLES = 1999  # so that the ends are the 50th from below and above

WILSON = "Wilson with design effect"
STUDENTISED = "bootstrap-t over clusters"
FEW_DIFFER = "Student's t over clusters, since few differ"
ALL_ALIKE = "a point: all clusters have the same mean"


@dataclass(frozen=True)
class Interval:
    """A value and where it may lie.

    Attributes:
        value: NaN if there is no image.
        low, high: ends at `LEVEL`; NaN if there are fewer than `LEAST` clusters.
        n: number of images.
        clusters: number of clusters.
        method: how the ends were found, or why there are none, in words.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int
    method: str


def none_of(found: Sums) -> Interval:
    """The interval of too few clusters."""
    many = "1 cluster" if found.clusters == 1 else f"{found.clusters} clusters"
    method = f"none: {many}, {LEAST} are needed"
    return Interval(float(found.mean), np.nan, np.nan, found.n, found.clusters, method)


def wilson(share: ArrayLike, n: ArrayLike, quantile: float) -> tuple[Floats, Floats]:
    """Ends of the Wilson score interval (Wilson 1927).

    Args:
        share: in [0, 1], any shape.
        n: numbers of independent images, of the same shape; not necessarily whole.
        quantile: 1.96 of the normal distribution for a level of .95, or Student's.

    Returns:
        Lower and upper ends in [0, 1]; NaN where n is 0.
    """
    share, n = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share + quantile**2 / (2 * n)) / (1 + quantile**2 / n)
        half = quantile / (1 + quantile**2 / n) * np.sqrt(share * (1 - share) / n + quantile**2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def design_effect(found: Sums) -> float:
    """How many images it takes to say what one independent image would (Kish 1965), 1 or more.

    The variance of the share by its clusters, over that of as many independent images. A share of 0 or 1 says nothing
    of it, and a rare outcome that only a few clusters have says little: then images of a cluster count as copies of
    each other, so that clusters are counted. That worst case has the weight of one cluster, the estimate that of the
    clusters with the rarer outcome.
    """
    share = float(found.mean)
    rare = found.totals if share <= 0.5 else found.counts - found.totals
    having = np.count_nonzero(rare > 1e-12 * found.counts)
    worst = float((found.counts**2).sum() / found.n)
    if not having:
        return worst
    estimated = max(1.0, (found.n - 1) * float(found.error) ** 2 / (share * (1 - share)))
    return (having * estimated + worst) / (having + 1)


def share(values: ArrayLike, clusters: ArrayLike) -> Interval:
    """A share of images: Wilson's interval of the effective number of images (Korn and Graubard 1998).

    The quantile is Student's with a degree of freedom less than clusters, since the design effect is estimated.

    Args:
        values: (images,) 0 or 1, or between them if an image has the average of several draws; NaN: missing.
        clusters: (images,) name of each image's cluster.

    Raises:
        ValueError: a value isn't in [0, 1], or the arguments don't fit each other.
    """
    found = sums(values, clusters)
    given = np.asarray(values, dtype=np.float64)
    if ((given < 0) | (given > 1)).any():
        raise ValueError("a value of a share isn't in [0, 1]")
    if found.clusters < LEAST:
        return none_of(found)
    quantile = float(student.ppf((1 + LEVEL) / 2, found.clusters - 1))
    low, high = wilson(found.mean, found.n / design_effect(found), quantile)
    return Interval(float(found.mean), float(low), float(high), found.n, found.clusters, WILSON)


def resampled(clusters: int, resamples: int, generator: np.random.Generator) -> Floats:
    """(resamples, clusters) how often each cluster is drawn, with replacement."""
    drawn = generator.integers(clusters, size=(resamples, clusters)) + clusters * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float64)


def studentised(found: Sums, resamples: int, generator: np.random.Generator) -> Floats:
    """(resamples,) (mean of a resample - mean) / its standard error, sorted; infinite where that error is 0."""
    own, counts = found.residuals, found.counts
    parts = np.stack([own, counts, own**2, own * counts, counts**2], axis=1)
    first, n, squares, products, sizes = (resampled(found.clusters, resamples, generator) @ parts).T
    shift = first / n
    left = squares - 2 * shift * products + shift**2 * sizes  # squared residuals about the resample's own mean
    left = np.where(left <= 1e-12 * squares, 0.0, left)
    error = np.sqrt(found.clusters / (found.clusters - 1) * left) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(shift == 0, 0.0, shift / error)
    return np.sort(ratio)


def ends(
    found: Sums, generator: np.random.Generator, resamples: int = RESAMPLES, symmetric: bool = False
) -> tuple[float, float, str]:
    """Ends of a mean's interval.

    Args:
        found: of `LEAST` clusters or more.
        generator: clusters are drawn from it.
        resamples: number of resamples.
        symmetric: about the mean (Hall 1988), for what isn't skewed but has heavy tails, as differences do; else each
            end is missed alike often.

    Returns:
        Lower end, upper end, and how they were found.
    """
    value, error = float(found.mean), float(found.error)
    if error == 0:
        return value, value, ALL_ALIKE
    ratio = studentised(found, resamples, generator)
    if symmetric:
        upper = np.sort(np.abs(ratio))[-max(1, round((resamples + 1) * (1 - LEVEL)))]
        lower = -upper
    else:
        tail = max(1, round((resamples + 1) * (1 - LEVEL) / 2))
        lower, upper = ratio[tail - 1], ratio[-tail]
    if np.isfinite(lower) and np.isfinite(upper):
        return float(value - upper * error), float(value - lower * error), STUDENTISED
    # A few clusters alone differ from the rest, and many resamples have none of them. Then the error is known from as
    # many clusters as there seem to be by the fourth powers (Satterthwaite 1946).
    squares = found.residuals**2
    freedom = max(1.0, float(squares.sum() ** 2 / (squares**2).sum()) - 1)
    half = float(student.ppf((1 + LEVEL) / 2, freedom)) * error
    return value - half, value + half, FEW_DIFFER


def mean(
    values: ArrayLike, clusters: ArrayLike, generator: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """A mean over images: bootstrap-t over clusters (Efron 1981; Cameron, Gelbach and Miller 2008).

    Whole clusters are drawn with replacement and the mean's deviation is measured in its own standard errors, which
    makes the interval as skewed as the values are. `scipy.stats.bootstrap` has no studentised interval. Of what only a
    few clusters have no resampling knows much: for a share use `share`.

    Args:
        values: (images,) NaN: missing.
        clusters: (images,) name of each image's cluster.
        generator: clusters are drawn from it.
        resamples: number of resamples.

    Returns:
        The interval; a point where all clusters have the same mean.

    Raises:
        ValueError: the arguments don't fit each other.
    """
    found = sums(values, clusters)
    if found.clusters < LEAST:
        return none_of(found)
    low, high, method = ends(found, generator, resamples)
    return Interval(float(found.mean), low, high, found.n, found.clusters, method)
