"""What a detector's p(fake) is worth: how often what has a p(fake) of about p is fake, and the ROC curve."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Flags, Floats

BINS = 15  # Guo et al. 2017, "On calibration of modern neural networks"


def equal_width(p_fake: Floats, bins: int = BINS) -> NDArray[np.intp]:
    """The bin of each image among `bins` of equal width in [0, 1], (k / bins, (k + 1) / bins]; 0 is in the first one.

    Args:
        p_fake: (n,) in [0, 1].
    """
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p_fake)


def equal_mass(p_fake: Floats, bins: int = BINS) -> NDArray[np.intp]:
    """The bin of each image among at most `bins` that hold as many images each; images of equal p(fake) share one.

    Args:
        p_fake: (n,).
    """
    edges = np.quantile(p_fake, np.arange(1, bins) / bins, method="lower")
    return np.searchsorted(np.unique(edges), p_fake)


def reliability(p_fake: Floats, fake: Flags, bins: NDArray[np.intp]) -> list[dict[str, Any]]:
    """The bins that hold an image, in rising order.

    Args:
        p_fake: (n,).
        fake: (n,) whether an image is fake.
        bins: (n,) of `equal_width` or `equal_mass`.

    Returns:
        Of each bin: bin, n, p_fake (its mean) and fake (the share of its images that are).
    """
    numbers = np.bincount(bins)
    sums, fakes = np.bincount(bins, weights=p_fake), np.bincount(bins, weights=fake)
    return [
        {
            "bin": int(place),
            "n": int(numbers[place]),
            "p_fake": float(sums[place] / numbers[place]),
            "fake": float(fakes[place] / numbers[place]),
        }
        for place in np.flatnonzero(numbers)
    ]


def calibration_error(found: list[dict[str, Any]]) -> float:
    """Expected calibration error: the mean over images of how far, in their bin, the share of fakes is from the mean
    p(fake). Guo et al. bin by the probability of the predicted class; of two classes binning by p(fake) tells more.

    Args:
        found: of `reliability`, not empty.
    """
    off = sum(one["n"] * abs(one["fake"] - one["p_fake"]) for one in found)
    return float(off / sum(one["n"] for one in found))


def roc(score: Floats, positive: Flags) -> tuple[Floats, Floats, Floats]:
    """The ROC curve's corners, from (0, 0) to (1, 1); equal scores share a point.

    Args:
        score: (n,), higher is more positive.
        positive: (n,) bool, some of them true and some false.

    Returns:
        Shares of negatives and of positives at or above each threshold, and these, (m,) each; the first threshold is
        infinite.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    found = np.append(0, np.cumsum(positive[order])[ends])
    wrong = np.append(0, ends + 1) - found
    # what lies on the line between its neighbours only makes files large
    bends = np.diff(wrong)[1:] * np.diff(found)[:-1] != np.diff(wrong)[:-1] * np.diff(found)[1:]
    kept = np.concatenate([[True], bends, [True]])
    thresholds = np.append(np.inf, score[order][ends])
    return wrong[kept] / wrong[-1], found[kept] / found[-1], thresholds[kept]
