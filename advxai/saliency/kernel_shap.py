"""Kernel SHAP (Lundberg & Lee 2017) on segments: Shapley values by a weighted fit to coalitions of them.

The players are the segments. A coalition of them is worth the probability that the detector gives the image with the
coalition's segments kept and the baseline in all others. Shapley values are the coefficients of the linear fit to all
coalitions' worths, weighted by the Shapley kernel, that is exact for none (the baseline) and for all (the image). Of
many segments only some coalitions can be asked. As in the shap package, those of a size are all taken, from the
outside (one segment or all but one, two or all but two, ...), as long as at least so many would be drawn of it; the
others are drawn by their weight. Here each comes with its complement (Covert & Lee 2021), those of half the segments
too, which the package draws singly.

Nothing but the image's own tensors knows how many dimensions an image has.
"""

import math
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.detector.engine import moved, room
from advxai.detector.engine import values as values_of
from advxai.saliency.base import Explainer, Explaining, Explanation, Inputs, blend, pixels, spread
from advxai.saliency.ranking import rank

Coalitions = NDArray[np.bool_]

ROUNDS = 16  # of drawing, where coalitions come up again; each draws what is still wanting
SINGULAR = 1e-10  # eigenvalues of the fit below this part of the greatest one are none


def kernel(segments: int) -> NDArray[np.float64]:
    """Weight of all coalitions of a size together, for the sizes 1 ... S-1: (S-1,) float64, of sum 1."""
    sizes = np.arange(1, segments)
    masses: NDArray[np.float64] = 1.0 / (sizes * (segments - sizes))
    masses /= masses.sum()
    return masses


def of_size(size: int, segments: int) -> Coalitions:
    """All coalitions of so many segments: (binomial(S, size), S) bool."""
    chosen = np.array(list(combinations(range(segments), size)))
    found = np.zeros((len(chosen), segments), bool)
    np.put_along_axis(found, chosen, True, axis=1)
    return found


def _drawn(
    pairs: int, sizes: NDArray[np.int64], masses: NDArray[np.float64], segments: int, generator: np.random.Generator
) -> tuple[Coalitions, NDArray[np.int64]]:
    """Different coalitions that hold the first segment, each for itself and its complement, and how often they came up.

    Args:
        pairs: how many; fewer where they come up again and again.
        sizes, masses: to draw from, and their weights.
    """
    draws = np.zeros((0, segments), bool)
    found, times = draws, np.zeros(0, np.int64)
    for _ in range(ROUNDS):
        wanting = pairs - len(found)
        if wanting == 0:
            break
        size = generator.choice(sizes, wanting, p=masses / masses.sum())
        lots = generator.random((wanting, segments))
        last = np.take_along_axis(np.sort(lots, axis=1), size[:, None] - 1, axis=1)
        new = lots <= last
        draws = np.concatenate([draws, new ^ ~new[:, :1]])  # of it and its complement the one with the first segment
        packed, times = np.unique(np.packbits(draws, axis=1), axis=0, return_counts=True)
        found = np.unpackbits(packed, axis=1, count=segments).astype(bool)
    return found, times


def default_design(
    samples: int, segments: int, generator: np.random.Generator
) -> tuple[Coalitions, NDArray[np.float64]]:
    """Coalitions and their weights in the fit.

    Args:
        samples: how many, at most; an odd one is left out, and all 2^S - 2 are fewer, or as many.
        segments: S, at least 1.
        generator: draws what isn't taken whole.

    Returns:
        (n, S) bool, True: kept; neither the empty nor the whole one, which have no weight but a constraint. (n,)
        float64, of sum 1. What has come up k times has k times the weight.
    """
    masses = kernel(segments) if segments > 1 else np.zeros(0)
    everything = samples >= 2**segments - 2
    parts: list[Coalitions] = []
    weights: list[NDArray[np.float64]] = []
    first, left = 1, samples  # the outermost size that isn't taken whole; coalitions that are left
    while first <= segments - first:
        both = sorted({first, segments - first})
        number = len(both) * math.comb(segments, first)
        inner = masses[first - 1 : segments - first].sum()
        share = len(both) * masses[first - 1] / inner
        if not everything and (number > left or left * share < number * (1 - 1e-8)):
            break
        parts += [of_size(size, segments) for size in both]
        weights.append(np.full(number, len(both) * masses[first - 1] / number))
        first, left = first + 1, left - number
    if first <= segments - first and left >= 2:
        sizes = np.arange(first, segments - first + 1)
        found, times = _drawn(left // 2, sizes, masses[first - 1 : segments - first], segments, generator)
        parts += [found, ~found]
        each = masses[first - 1 : segments - first].sum() * times / (2 * times.sum())
        weights += [each, each]
    return np.concatenate([np.zeros((0, segments), bool), *parts]), np.concatenate([np.zeros(0), *weights])


def shapley(
    coalitions: NDArray[np.generic], worths: Floats, weights: Floats, nothing: float, everything: float
) -> NDArray[np.float64]:
    """Shapley values: the weighted least squares whose values sum up to what all segments add to none.

    In closed form. Each value is an equal share of that sum and a part that says how a segment differs from the others;
    these parts have the sum 0, so they are fitted to coalitions less their mean. Where the coalitions leave something
    open, the parts are the least possible (minimum norm): segments that can't be told from each other share equally.

    Args:
        coalitions: (n, S), 1 or True: kept; n may be 0.
        worths: (n,) theirs.
        weights: (n,) positive.
        nothing, everything: worth of the empty and of the whole coalition.

    Returns:
        (S,) float64.
    """
    kept = coalitions.astype(np.float64)
    segments = kept.shape[1]
    total = everything - nothing
    share = kept.mean(axis=1)
    apart = kept - share[:, None]
    rest = worths.astype(np.float64) - nothing - share * total
    weighted = apart * weights[:, None]
    fit = np.linalg.pinv(apart.T @ weighted, rcond=SINGULAR, hermitian=True)
    values: NDArray[np.float64] = fit @ (weighted.T @ rest)
    values += total / segments - values.mean()  # their sum is 0 but for rounding
    return values


class KernelShap(Explainer):
    """Kernel SHAP.

    Args:
        samples: coalitions, besides the image and the baseline.
    """

    def __init__(self, samples: int = 2000) -> None:
        self.samples = samples
        self.rows = samples + 2

    def explain(
        self, inputs: Inputs, design: tuple[NDArray[np.generic], NDArray[np.float64]] | None = None
    ) -> Explaining:
        """Explain: the image and the baseline are asked first; `design` ((n, S), (n,)) replaces the drawn one."""
        count = int(inputs.segments.max()) + 1
        coalitions, weights = default_design(self.samples, count, inputs.generator) if design is None else design
        index = pixels(inputs.segments, inputs.image.device)
        ends = np.repeat([[1], [0]], count, axis=1)
        kept = moved(torch.from_numpy(np.concatenate([ends, coalitions]).astype(np.float32)), inputs.image.device)
        answers = []
        memory = room(inputs.image, min(inputs.chunk, len(kept)))
        for part in torch.split(kept, inputs.chunk):
            answer = yield blend(inputs.image, inputs.baseline, spread(part, index, inputs.segments.shape), memory)
            answers.append(values_of(answer)[:, inputs.target])
        everything, nothing, *worths = torch.cat(answers).double().numpy()
        values = shapley(coalitions, np.array(worths), weights, nothing, everything)
        # All segments are ranked, as SHAP's are: their values share out one sum, so one below zero is the least of the
        # evidence. LIME's fit has no such sum, and its released code ranks positive weights alone.
        return Explanation(
            map=values[inputs.segments].astype(np.float32),
            scores=values.astype(np.float32),
            ranking=rank(values),
            zero=0.0,
        )
