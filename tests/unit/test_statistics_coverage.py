"""How often intervals hold the truth: shares and means at .5 and .9 of 70 and of 140 clusters of about ten images
whose intra-cluster correlation is .5.

Here 1,200 tables each, so a figure is known to .006. Of 10,000 tables the truth of shares is held in .942 to .955, that
of means in .949 to .962 (with the 1,999 resamples of production in .951 to .958), and naively in .53 to .61.
"""

import numpy as np
import pytest
from scipy.stats import norm

from advxai.statistics import mean, share, wilson

TABLES = 1200
LOW, HIGH = 0.93, 0.97

settings = pytest.mark.parametrize(
    ("clusters", "truth", "unequal"),
    [(clusters, truth, unequal) for clusters in (70, 140) for truth in (0.5, 0.9) for unequal in (False, True)],
)


def sizes(clusters: int, unequal: bool, generator: np.random.Generator) -> np.ndarray:
    return generator.integers(1, 20, clusters) if unequal else np.full(clusters, 10)


def held(low: float, high: float, truth: float) -> bool:
    return low <= truth <= high


@settings
def test_shares(clusters, truth, unequal):
    """Beta-binomial: a cluster's own share is of Beta(truth, 1 - truth), whose intra-cluster correlation is 1 / 2.
    Wilson's interval of the images, as if they were independent, holds the truth hardly more often than not."""
    generator, found, naive = np.random.default_rng([1, clusters, int(10 * truth), unequal]), 0, 0
    for _ in range(TABLES):
        names = np.repeat(np.arange(clusters), sizes(clusters, unequal, generator))
        own = generator.beta(truth, 1 - truth, clusters)
        interval = share(generator.random(len(names)) < own[names], names)
        found += held(interval.low, interval.high, truth)
        naive += held(*wilson(interval.value, interval.n, norm.ppf(0.975)), truth)
    assert LOW <= found / TABLES <= HIGH
    assert naive / TABLES < 0.7


@settings
def test_means(clusters, truth, unequal):
    """An image's value is its cluster's, with a probability of the root of .5, else one of its own, all of
    Beta(truth, 1 - truth): two images are alike half of the time. The naive one is Student's of the images."""
    generator, found, naive = np.random.default_rng([2, clusters, int(10 * truth), unequal]), 0, 0
    for _ in range(TABLES):
        names = np.repeat(np.arange(clusters), sizes(clusters, unequal, generator))
        own, others = (generator.beta(truth, 1 - truth, size) for size in (clusters, len(names)))
        values = np.where(generator.random(len(names)) < 0.5**0.5, own[names], others)
        interval = mean(values, names, generator, resamples=399)
        found += held(interval.low, interval.high, truth)
        naive += abs(interval.value - truth) <= 1.96 * values.std(ddof=1) / len(names) ** 0.5
    assert LOW <= found / TABLES <= HIGH
    assert naive / TABLES < 0.7
