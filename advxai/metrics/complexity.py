"""Complexity: how concentrated a map is. It says nothing of whether the map is right."""

import numpy as np

from advxai.common.arrays import Floats
from advxai.metrics.base import Measure, Measured, Measuring, Subject
from advxai.metrics.columns import Column

FLAT = "the map is zero everywhere"


def weights(saliency: Floats, zero: float) -> Floats:
    """What a map says of each pixel, whatever its sign: |map - zero|, or the map less its least value where it has no
    zero. (n,) float64, >= 0."""
    values = saliency.ravel().astype(np.float64)
    return np.abs(values - zero) if np.isfinite(zero) else values - values.min()


def gini(values: Floats) -> float:
    """Gini index of non-negative numbers (Hurley & Rickard 2009): 0 where all are equal, near 1 where one has all."""
    ordered = np.sort(values)
    number = len(ordered)
    ranks = np.arange(1, number + 1)
    return float(1 - 2 * np.sum(ordered / ordered.sum() * (number - ranks + 0.5) / number))


def entropy(values: Floats) -> float:
    """Entropy of the shares of non-negative numbers (Bhatt et al. 2020), over its greatest value: 1 where all are
    equal, 0 where one has all."""
    shares = values[values > 0] / values.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(len(values))) if len(values) > 1 else 0.0


class Complexity(Measure):
    """Gini index and entropy of the map.

    Args:
        name: of the entry.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        prefix = "" if name == "complexity" else f"{name}_"
        depends = ("the method's own scale: compare within one method", "the input size")
        self.columns = [
            Column(f"{prefix}gini", "Gini index", None, reference="Hurley & Rickard 2009", sensitive=depends),
            Column(f"{prefix}entropy", "entropy", None, reference="Bhatt et al. 2020", sensitive=depends),
        ]

    def measure(self, subject: Subject) -> Measuring:
        if subject.missing:
            return Measured(reasons={"": subject.missing})
        yield from ()
        found = []
        for saliency in subject.maps:
            values = weights(saliency, float(subject.explanation["zero"]))
            if values.any():
                found.append((gini(values), entropy(values)))
        if not found:
            return Measured(reasons={"": FLAT})
        names = [column.name for column in self.columns]
        return Measured({name: float(value) for name, value in zip(names, np.mean(found, axis=0), strict=True)})
