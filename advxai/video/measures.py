"""What is measured of an explanation of a clip, besides the segment attacks, and what each clip brings to it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from advxai.common.arrays import Floats, Pixels
from advxai.common.classes import Classes
from advxai.common.types import Item, Record
from advxai.config.science import Fit
from advxai.config.video import Video
from advxai.frames.counterparts import Genuine
from advxai.media.fit import region_over
from advxai.metrics.base import Measure, Measured, Measuring, Subject, Truth, explanation_id
from advxai.metrics.columns import Column
from advxai.metrics.localisation import EMPTY, FULL, NOTHING, auc, mass
from advxai.metrics.subjects import NO_MASK
from advxai.saliency.given import counterpart_id, mask_id, named
from advxai.video import temporal
from advxai.video.given import frame_keys
from advxai.video.restored import counterpart, no_counterpart, restoration

TAU, RHO, MU = "\N{GREEK SMALL LETTER TAU}", "\N{GREEK SMALL LETTER RHO}", "\N{GREEK SMALL LETTER MU}"
PINO = "Pino et al., arXiv 2105.05902"
OURS = "ours; docs/video-metrics.md"
STILL = "no two consecutive frames have maps that vary"
CONSTANT = "the map is constant in every frame"
SCALE = "the map's largest value in the clip, by which all of it is divided"
MOST = 256.0  # frames of a clip, at most


def _columns() -> list[Column]:
    pino, ours = partial(Column, reference=PINO), partial(Column, reference=OURS)
    kept, masked = ("how fast what is right moves: a map that stays gets more",), frozenset(("mask",))
    drawn = "what FF++ calls the mask of each manipulation"
    return [
        pino("intensity", "I", None, sensitive=(SCALE,)),
        pino("variance", "V", None, high=0.25, sensitive=(SCALE,)),
        pino("tau", TAU, "higher", low=-1.0, sensitive=kept),
        pino("rho", RHO, "higher", low=-1.0, sensitive=("how coarse the map is",)),
        pino("mu", MU, "higher", chance=0.5, sensitive=("where faces lie: in the centre",)),
        ours("smoothness", "smoothness", None, sensitive=kept),
        ours("sparsity", "sparsity", None, sensitive=("the method's own scale", "the input size")),
        ours("locality", "locality", None, sensitive=("the method's own scale",)),
        ours(
            "detection", "pixel AUC", "higher", low=-0.5, high=0.5, chance=0.0, headline=True, needs=masked,
            sensitive=(drawn,),
        ),
        ours("mass_mask", "relevance mass", "higher", needs=masked, sensitive=("the method's own scale", drawn)),
        ours("tau_missing", f"pairs without {TAU}", None, high=MOST),
        ours("rho_missing", f"frames without {RHO}", None, high=MOST),
        ours("mu_missing", f"frames without {MU}", None, high=MOST),
    ]  # fmt: skip


OVER_TIME = _columns()
COUNTS = tuple(column.name for column in OVER_TIME if column.name.endswith("_missing"))


def over_time(saliency: Floats, zero: float) -> dict[str, float]:
    """All numbers of one map (T, h, w) over time but its detection; nan where there is none."""
    maps = temporal.scaled(saliency, zero)
    found = {"tau": temporal.tau(maps), "rho": temporal.rho(maps), "mu": temporal.mu(maps)}
    return {
        "intensity": temporal.intensity(maps),
        "variance": temporal.variance(maps),
        **{name: one.value for name, one in found.items()},
        "smoothness": temporal.smoothness(maps),
        "sparsity": temporal.sparsity(maps),
        "locality": temporal.locality(maps).value,
        **{f"{name}_missing": float(one.missing) for name, one in found.items()},
    }


def _detected(subject: Subject) -> tuple[dict[str, float], dict[str, str]]:
    """Agreement of the maps with the true mask over the whole clip, and why there is none."""
    region, names = subject.mask.region, ("detection", "mass_mask")
    why = subject.mask.reason if region is None else EMPTY if not region.any() else ""
    if region is None or why:
        return {}, dict.fromkeys(names, why)
    zero = float(subject.explanation["zero"])
    values = {"mass_mask": float(np.mean([mass(one, region, zero) for one in subject.maps]))}
    if not region.all():
        values["detection"] = float(np.mean([auc(one, region) for one in subject.maps]))
    return values, {"detection": FULL, "mass_mask": NOTHING}


class ClipMeasures(Measure):
    """Every measure of clips as one record: a map over time, its detection of the manipulated region, restoration.

    Args:
        settings: of clips: area and top.
    """

    name = "video"
    kept = ("areas", "p")

    def __init__(self, settings: Video) -> None:
        self.restoration = restoration(settings)
        self.columns = [*OVER_TIME, *self.restoration.columns]

    def measure(self, subject: Subject) -> Measuring:
        if subject.missing:
            return Measured(reasons={"": subject.missing})
        zero = float(subject.explanation["zero"])
        drawn = [over_time(one, zero) for one in subject.maps]
        values = {name: _mean([one[name] for one in drawn]) for name in drawn[0]}
        varying = any(one["variance"] > 0 for one in drawn)
        reasons = dict.fromkeys(("mu", "smoothness", "sparsity", "locality"), NOTHING)
        if not any(one["intensity"] > 0 for one in drawn):
            reasons |= dict.fromkeys(("tau", "rho"), NOTHING)
        else:
            reasons |= {"tau": STILL if varying else CONSTANT, "rho": CONSTANT}
        detected, why = _detected(subject)
        restored: Measured = yield from self.restoration.measure(subject)
        lost = {column.name: restored.reason(column.name) for column in self.restoration.columns}
        return Measured(values | detected | dict(restored.values), reasons | why | lost, restored.kept)


def _mean(values: Sequence[float]) -> float:
    """Of the draws that have a value."""
    there = [value for value in values if not math.isnan(value)]
    return float(np.mean(there)) if there else math.nan


class Subjects:
    """Explanations of a shard's clips, with what they are compared with.

    Args:
        saliency: key -> record of the clip's explanation.
        mask_of: key of a frame -> its true mask, uint8 (H, W); None: not known.
        counterparts: the frames' counterparts.
        classes: the detector's.
        fit: how a crop lies in the detector's input, as of `advxai.media.fit.lies_in`.
    """

    def __init__(
        self,
        saliency: Mapping[str, Record],
        mask_of: Callable[[str], Pixels | None],
        counterparts: Genuine,
        classes: Classes,
        fit: Fit = "stretch",
    ) -> None:
        self.saliency, self.mask_of, self.counterparts = saliency, mask_of, counterparts
        self.classes, self.fit = classes, fit

    def items(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        """The clips with `given`, the hash of all that their numbers are made from besides the detector: explanation,
        and the masks and counterparts of all frames (for `advxai.run.store.complete`)."""
        return [{**item, "given": self._given(item)} for item in items]

    def _given(self, item: Item) -> str:
        keys = frame_keys(item)
        masks = [mask_id(self.mask_of(key)) for key in keys]
        genuine = [counterpart_id(self.counterparts, key) for key in keys]
        return named(explanation_id(self.saliency[item["key"]]), *masks, *genuine)

    def subject(self, item: Item) -> Subject:
        """One clip's explanation, without the detector's inputs. The mask is (T, h, w)."""
        return Subject(
            key=item["key"],
            explanation=self.saliency[item["key"]],
            classes=self.classes,
            find_mask=partial(self._mask, item),
            find_difference=lambda: Truth(None, "clips are compared with their true masks alone"),
            no_counterpart=no_counterpart(self.counterparts, frame_keys(item)),
        )

    def _mask(self, item: Item) -> Truth:
        height, width = self.saliency[item["key"]]["segments"].shape[1:]
        masks = [self.mask_of(key) for key in frame_keys(item)]
        there = [mask for mask in masks if mask is not None]
        if len(there) < len(masks):
            return Truth(None, NO_MASK)
        return Truth(np.stack([region_over(mask > 0, (height, width), self.fit) for mask in there]))

    def counterpart(self, item: Item) -> list[Pixels] | None:
        """The genuine frames, as of `advxai.video.restored.counterpart`."""
        return counterpart(self.counterparts, frame_keys(item))
