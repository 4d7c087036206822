"""Localisation: how well a map agrees with the manipulated region.

Two regions: the true mask, which says where the face was pasted or tracked, and the derived one, where the pixels
differ from the original's. Overlap with either isn't faithfulness: a detector may look elsewhere and be right. Each
number but the pointing game and the mass is less what a ranking without knowledge gets at that area.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Flags, Floats
from advxai.metrics.base import Measure, Measured, Measuring, Subject, Truth
from advxai.metrics.columns import SEGMENTS, Column

EMPTY, FULL, NOTHING = "the region is empty", "the region is the whole image", "the map has no positive part"
REGIONS = {"mask": ("true mask", "mask"), "difference": ("derived mask", "difference")}
ARRAS, OURS = "Arras et al. 2022", "; less its expectation"


def auc(saliency: Floats, region: Flags) -> float:
    """Area under the ROC curve of the map's pixels as detectors of the region, less .5; ties count half. The region is
    neither empty nor the whole image."""
    inside, outside = saliency[region], np.sort(saliency[~region])
    below = np.searchsorted(outside, inside, "left") + np.searchsorted(outside, inside, "right")
    return float(below.mean() / 2 / len(outside) - 0.5)


def _share_of_first(saliency: Floats, region: Flags, first: int) -> float:
    """Share of the `first` most relevant pixels that lie in the region; those tied at the edge by their share."""
    values, inside = saliency.ravel(), region.ravel()
    edge = np.partition(values, len(values) - first)[len(values) - first]
    above, tied = values > edge, values == edge
    left = first - int(above.sum())
    return float((inside[above].sum() + left * inside[tied].mean()) / first)


def rank_accuracy(saliency: Floats, region: Flags) -> float:
    """Share of the most relevant pixels, as many as the region has, that lie in it (Arras et al. 2022), less the
    region's share of the image. The region isn't empty."""
    return _share_of_first(saliency, region, int(region.sum())) - float(region.mean())


def pointing(saliency: Floats, region: Flags) -> float:
    """Whether the map's maximum lies in the region (Zhang et al. 2018); of several maxima, their share that does."""
    return float(region[saliency == saliency.max()].mean())


def positive(saliency: Floats, zero: float) -> Floats:
    """A map's positive part, what it says *for* the class: above its zero; where it has none (nan), above 0 or its
    least value, if that is below. Float64 >= 0, of the map's shape."""
    values = saliency.astype(np.float64)
    return np.clip(values - (zero if np.isfinite(zero) else min(values.min(), 0.0)), 0, None)


def mass(saliency: Floats, region: Flags, zero: float) -> float:
    """Share of the map's positive part that lies in the region (Arras et al. 2022); nan without a positive part."""
    found = positive(saliency, zero)
    total = found.sum()
    return float(found[region].sum() / total) if total > 0 else float("nan")


def overlap(chosen: Flags, region: Flags) -> float:
    """Intersection over union of two regions, less what it is when the intersection is as large as chance makes it."""
    a, b, number = int(chosen.sum()), int(region.sum()), region.size
    by_chance = a * b / number
    union = int((chosen | region).sum())
    if union == 0:
        return 0.0
    return float((chosen & region).sum() / union - by_chance / (a + b - by_chance))


class Localisation(Measure):
    """Agreement with the true mask and with the derived one.

    Args:
        name: of the entry.
        top: the union of the first 1 ... top segments is compared.
    """

    def __init__(self, name: str, top: int) -> None:
        self.name, self.top = name, top
        self._prefix = "" if name == "localisation" else f"{name}_"
        self.columns = [column for suffix in REGIONS for column in self._of(suffix)]

    def _of(self, suffix: str) -> list[Column]:
        words, need = REGIONS[suffix]
        column = partial(Column, by_category=True, needs=frozenset((need,)))
        name, drawn = f"{self._prefix}{{}}_{suffix}".format, "what FF++ calls the mask of each manipulation"
        common = (drawn,) if suffix == "mask" else ("how well the counterpart is aligned", "compression")
        tops = range(1, self.top + 1)
        return [
            column(
                name("auc"), f"pixel AUC, {words}", "higher", low=-0.5, high=0.5, chance=0.0, headline=suffix == "mask",
                reference=f"ROC AUC{OURS}", sensitive=common,
            ),
            column(
                name("rank"), f"relevance rank, {words}", "higher", low=-1.0, chance=0.0, reference=ARRAS + OURS,
                sensitive=common,
            ),
            *(
                column(
                    f"{name('iou')}_{k}", f"IoU of top-{k}, {words}", "higher", low=-1.0, chance=0.0,
                    reference=f"intersection over union{OURS}", sensitive=(*SEGMENTS, *common),
                )
                for k in tops
            ),
            column(
                name("pointing"), f"pointing game, {words}", "higher", "share", reference="Zhang et al. 2018",
                sensitive=("the region's area: the centre hits most masks", *common),
            ),
            column(
                name("mass"), f"relevance mass, {words}", "higher", reference=ARRAS,
                sensitive=("the method's own scale: compare within one method", *common),
            ),
        ]  # fmt: skip

    def measure(self, subject: Subject) -> Measuring:
        if subject.missing:
            return Measured(reasons={"": subject.missing})
        yield from ()
        values: dict[str, float] = {}
        reasons: dict[str, str] = {}
        for suffix, truth in (("mask", subject.mask), ("difference", subject.difference)):
            found, why = self._against(subject, suffix, truth)
            values |= found
            reasons |= why
        return Measured(values, reasons)

    def _against(self, subject: Subject, suffix: str, truth: Truth) -> tuple[dict[str, float], dict[str, str]]:
        names = [column.name for column in self._of(suffix)]
        region = truth.region
        if region is None:
            return {}, dict.fromkeys(names, truth.reason)
        iou = [f"{self._prefix}iou_{suffix}_{k}" for k in range(1, self.top + 1)]
        of = {kind: f"{self._prefix}{kind}_{suffix}" for kind in ("auc", "rank", "pointing", "mass")}
        if not region.any():  # what points anywhere misses
            return dict.fromkeys((*iou, of["pointing"]), 0.0), {of[kind]: EMPTY for kind in ("auc", "rank", "mass")}
        zero = float(subject.explanation["zero"])
        pairs = list(zip(subject.maps, subject.rankings, strict=True))
        values = {
            of["rank"]: _mean([rank_accuracy(one, region) for one, _ in pairs]),
            of["pointing"]: _mean([pointing(one, region) for one, _ in pairs]),
            of["mass"]: _mean([mass(one, region, zero) for one, _ in pairs]),
        }
        reasons = {of["mass"]: NOTHING}
        if region.all():
            reasons[of["auc"]] = FULL
        else:
            values[of["auc"]] = _mean([auc(one, region) for one, _ in pairs])
        for k, name in enumerate(iou, start=1):
            values[name] = _mean([overlap(_top(subject, ranking, k), region) for _, ranking in pairs])
        return values, reasons


def _top(subject: Subject, ranking: NDArray[np.int16], k: int) -> Flags:
    return np.isin(subject.segments, ranking[:k])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
