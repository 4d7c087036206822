"""What an explainer has returned, seen to be an explanation of its image."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.errors import InputError
from advxai.saliency.base import Explanation, Unscaled


def checked(found: Any, segments: NDArray[np.int16], who: str, key: str) -> Explanation:
    """The explanation with its arrays in the types that are stored.

    Args:
        found: what the explainer returned.
        segments: (h, w) labels 0 ... S-1 that it was given.
        who: explained, for a message.
        key: of the image.

    Raises:
        InputError: it is no `Explanation`; map, scores or ranking have another shape or type; NaN or infinity in map
            (unscaled, too) or scores, which nothing can be ranked by; a ranking that holds a label twice, or one that
            isn't there.
    """
    wrong = _fault(found, segments)
    if wrong is not None:
        raise InputError(f"{who}: returned {wrong} for the image {key}; correct it")
    return Explanation(
        found.map.astype(np.float32, copy=False),
        found.scores.astype(np.float32, copy=False),
        found.ranking.astype(np.int16, copy=False),
        float(found.zero),
        found.unscaled,
    )


def _fault(found: Any, segments: NDArray[np.int16]) -> str | None:
    """What is wrong, in words; None: nothing."""
    if not isinstance(found, Explanation):
        return f"a {type(found).__name__} and no advxai.saliency.Explanation"
    count = int(segments.max()) + 1
    for name, array, shape in (("map", found.map, segments.shape), ("scores", found.scores, (count,))):
        if not _plain(array) or array.dtype.kind not in "fiu":
            return f"a `{name}` that is {_kind(array)} and no numpy array of numbers"
        if array.shape != shape:
            return f"a `{name}` of shape {array.shape} and not {shape}"
        with np.errstate(over="ignore"):
            if not np.isfinite(array.astype(np.float32, copy=False)).all():
                return f"a `{name}` with NaN or infinity"
    return _ranking_fault(found.ranking, count) or _zero_fault(found.zero) or _unscaled_fault(found.unscaled, segments)


def _unscaled_fault(unscaled: Any, segments: NDArray[np.int16]) -> str | None:
    if unscaled is None:
        return None
    if not isinstance(unscaled, Unscaled):
        return f"an `unscaled` that is a {type(unscaled).__name__} and no advxai.saliency.Unscaled"
    if not _plain(unscaled.map) or unscaled.map.dtype.kind not in "fiu" or unscaled.map.shape != segments.shape:
        return f"an `unscaled` whose map is {_kind(unscaled.map)} and not numbers of the shape {segments.shape}"
    if not np.isfinite([unscaled.map.min(), unscaled.map.max(), unscaled.low, unscaled.high]).all():
        return "an `unscaled` with NaN or infinity"
    return None


def _plain(array: Any) -> bool:
    """A numpy array whose values are what they seem: under a mask there may be NaN, and a matrix has two dimensions."""
    return isinstance(array, np.ndarray) and not isinstance(array, np.ma.MaskedArray | np.matrix)


def _ranking_fault(ranking: Any, count: int) -> str | None:
    if not _plain(ranking) or ranking.ndim != 1:
        return f"a `ranking` that is {_kind(ranking)} and no numpy array of one dimension"
    if ranking.dtype.kind not in "iu" and ranking.size:
        return f"a `ranking` of {ranking.dtype} and not of whole numbers"
    values, times = np.unique(ranking, return_counts=True)
    strange = values[(values < 0) | (values >= count)]
    if strange.size:
        return f"a `ranking` with the segment {strange[0]}, where there are 0 to {count - 1},"
    if (times > 1).any():
        return f"a `ranking` with the segment {values[times > 1][0]} twice"
    return None


def _zero_fault(zero: Any) -> str | None:
    # NaN says that the map has no zero
    if isinstance(zero, int | float | np.number):
        try:
            if not math.isinf(float(zero)):
                return None
        except OverflowError:
            pass  # a whole number that no float holds: as bad as infinity
    return f"a `zero` of {zero!r}, which is neither a finite number nor NaN,"


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    return f"a {type(value).__name__}"
