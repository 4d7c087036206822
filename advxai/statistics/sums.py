"""Values summed by cluster: all that intervals and tests need of them."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from advxai.common.arrays import Floats


@dataclass(frozen=True)
class Sums:
    """A column's values (or several columns' of the same images), cluster by cluster.

    Clusters have images in different numbers, so the mean over images is a ratio of two sums over clusters, and its
    error is that of the ratio, linearised (Cochran 1977, chapter 6): each cluster's total less what its number of
    images would give at the mean.

    Attributes:
        names: (clusters,) of the clusters, sorted.
        totals: (clusters,) or (clusters, columns) sums of the values.
        counts: (clusters,) numbers of images.
    """

    names: NDArray[np.object_]
    totals: Floats
    counts: Floats

    @property
    def clusters(self) -> int:
        return len(self.counts)

    @cached_property
    def n(self) -> int:
        """Number of images."""
        return int(self.counts.sum())

    @cached_property
    def mean(self) -> Floats:
        """(), or (columns,): over images; NaN where there is none."""
        whole: Floats = self.totals.sum(0)
        return whole / self.n if self.n else np.full_like(whole, np.nan)

    @cached_property
    def residuals(self) -> Floats:
        """As totals: how much more a cluster has than its number of images would give; 0 if all are alike."""
        found: Floats = self.totals - np.multiply.outer(self.counts, self.mean)
        rounding = 1e-12 * np.abs(self.totals).sum(0)
        found[np.abs(found) <= rounding] = 0
        return found

    @cached_property
    def error(self) -> Floats:
        """(), or (columns,): the standard error of the mean; of two clusters or more."""
        squares: Floats = (self.residuals**2).sum(0)
        found: Floats = np.sqrt(self.clusters / (self.clusters - 1) * squares) / self.n
        return found


def sums(values: ArrayLike, clusters: ArrayLike) -> Sums:
    """Sum values by cluster.

    Args:
        values: (images,) or (images, columns). An image that lacks a value (NaN) in any column is left out.
        clusters: (images,) name of each image's cluster.

    Raises:
        ValueError: numbers of images differ, an image has no cluster, or a value is infinite.
    """
    numbers = np.asarray(values, dtype=np.float64)
    labels = np.asarray(clusters, dtype=object)
    if labels.shape != numbers.shape[:1]:
        raise ValueError(f"there are {len(numbers)} images and {len(labels)} clusters of images")
    if np.isinf(numbers).any():
        raise ValueError("a value is infinite")
    table = numbers.reshape(len(numbers), math.prod(numbers.shape[1:]))  # -1 isn't known of no image
    there = ~np.isnan(table).any(1)
    codes, names = pd.factorize(labels[there], sort=True)
    if (codes < 0).any():
        raise ValueError("an image has no cluster")
    # floats add up to the same sum only in the same order, so each column is summed from its least value on
    totals = np.empty((len(names), table.shape[1]))
    for column, own in enumerate(table[there].T):
        order = np.lexsort((own, codes))
        totals[:, column] = np.bincount(codes[order], own[order], minlength=len(names))
    counts = np.bincount(codes, minlength=len(names)).astype(np.float64)
    return Sums(np.asarray(names, dtype=object), totals.reshape(len(names), *numbers.shape[1:]), counts)
