"""How many people it would take."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from advxai.statistics.intervals import LEAST
from advxai.statistics.sums import sums

POWER = 0.8
HALF = 0.5  # of confidence: as likely as not


def needed(effect: float, alpha: float) -> float:
    """Clusters for a two-sided t test to find an effect.

    Args:
        effect: mean over the standard deviation between clusters, of its own sign; none is found of 0 or less.
        alpha: level of the test.

    Returns:
        A whole number, `LEAST` or more; infinite if there is no effect.
    """
    if effect <= 0:
        return math.inf
    count = math.inf  # Student's quantiles depend on it; with the normal ones to begin with it is too small
    for _ in range(20):
        freedom = max(count, LEAST) - 1
        before, count = count, float(student.ppf(1 - alpha / 2, freedom) + student.ppf(POWER, freedom)) ** 2 / effect**2
        if math.isclose(before, count, rel_tol=1e-6):
            break
    return float(max(LEAST, math.ceil(count - 1e-9)))


def power(differences: ArrayLike, clusters: ArrayLike, alpha: float) -> tuple[float, float]:
    """How many clusters in all a test of such differences needs for 80 % power.

    What is unsure is the effect, much rather than its spread. A 95 % interval of a difference that isn't significant
    holds 0, so its far end would always be "infinitely many"; the range is of the 50 % interval instead: it is as
    likely as not that the number lies in it. It still ends in infinity where the difference is within .7 of its
    standard errors of 0: then not even its direction is known.

    Args:
        differences: (images,) paired differences; NaN: missing.
        clusters: (images,) name of each image's cluster; as many images in each new one are supposed.
        alpha: two-sided level of the test, for example Holm's first, .05 / 4.

    Returns:
        Least and largest number, whole or infinite, `LEAST` or more; NaN below `LEAST` clusters, where the spread
        between clusters is not known either.

    Raises:
        ValueError: the arguments don't fit each other.
    """
    found = sums(differences, clusters)
    if found.clusters < LEAST:
        return math.nan, math.nan
    size, error = abs(float(found.mean)), float(found.error)
    if error == 0:
        return (needed(math.inf, alpha),) * 2 if size else (math.inf, math.inf)
    ratio, away = size / error, float(student.ppf((1 + HALF) / 2, found.clusters - 1))
    largest, least = (np.array([ratio + away, ratio - away]) / math.sqrt(found.clusters)).tolist()
    return needed(largest, alpha), needed(least, alpha)
