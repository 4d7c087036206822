"""One image under every filling, and what the detector says of each (paper, figures 1 and 3)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.common.randomness import seed_of
from advxai.common.types import Record
from advxai.config.rows import BASELINES, Baseline
from advxai.detector.model import Detector
from advxai.saliency.baselines import fill
from advxai.saliency.ranking import ranking_of


def baselines(used: Iterable[Baseline], adversarial: bool, counterpart: bool = False) -> list[Baseline]:
    """A baseline of every kind, in the order of `BASELINES`; a blur of each size and a noise of each strength in use.

    Args:
        used: those of the configured explainers.
        adversarial: whether there is an adversarial copy; without one that kind is left out.
        counterpart: the same of the counterpart.
    """
    found = []
    there = {"adversarial": adversarial, "counterpart": counterpart}
    for kind in BASELINES:
        if not there.get(kind, True):
            continue
        field = {"blur": "size", "noise": "std"}.get(kind)
        mine = [one for one in used if one.kind == kind] or [Baseline(kind=kind)]
        different = {getattr(one, field) if field else 0: one for one in mine}
        found += [different[value] for value in sorted(different)]
    return found


def chosen(records: Mapping[str, Record], top: int) -> tuple[str, NDArray[np.int16]]:
    """Which segments are filled: (explainer, labels by falling importance).

    They are the first `top` of the first explainer that ranks so many; if none does, those of the one that ranks most,
    continued by score.

    Args:
        records: explainer -> the image's record of the stage saliency.
        top: how many segments.
    """
    name = next((name for name, record in records.items() if len(record["ranking"]) >= top), None)
    if name is None:
        name = max(records, key=lambda one: len(records[one]["ranking"]))
    return name, ranking_of(records[name], "all")[:top]


def filled(
    key: str,
    image: Tensor,
    segments: NDArray[np.int16],
    labels: Sequence[int] | NDArray[np.int16],
    fillings: Sequence[Baseline],
    detector: Detector,
    seed: int,
    adversarial: Tensor | None,
    counterpart: Tensor | None = None,
) -> list[dict[str, Any]]:
    """The image as it is, then under each filling; every picture goes through the detector.

    Args:
        key: the image's; the noise is the one that an explainer would fill in (seeded by it).
        image: (3, h, w) normalised, in the CPU's memory like all that follow.
        segments: (h, w) labels.
        labels: the segments that are filled.
        fillings: baselines, see `baselines`.
        detector: the run's.
        seed: the run's.
        adversarial, counterpart: (3, h, w) normalised, the adversarial copy and the original's frame; needed where
            `fillings` have that kind.

    Returns:
        Records, the first of the image itself: kind ("" for it), size, std, part (h, w, 3) uint8 with the segments
        filled, whole (h, w, 3) uint8 with all of it filled, p_part and p_whole (classes,) float32.
    """
    inside = torch.from_numpy(np.isin(segments, labels))
    pictures = [image]
    for one in fillings:
        generator = np.random.default_rng(seed_of(seed, "saliency", "baseline", key))
        filling = fill(
            one,
            image,
            segments,
            detector.preprocessing,
            adversarial=adversarial,
            generator=generator,
            counterpart=counterpart,
        )
        pictures += [torch.where(inside, filling, image), filling]
    batch = torch.stack(pictures)
    probabilities = detector.probabilities(batch, [key] * len(batch)).cpu().numpy()
    pixels = detector.preprocessing.to_unit(batch).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    shown = (pixels * 255).round().astype(np.uint8)
    pairs = [(0, 0), *((2 * number + 1, 2 * number + 2) for number in range(len(fillings)))]
    return [
        {
            "kind": "" if one is None else one.kind,
            "size": 0 if one is None else one.size,
            "std": 0.0 if one is None else float(one.std),
            "part": shown[part],
            "whole": shown[whole],
            "p_part": probabilities[part],
            "p_whole": probabilities[whole],
            "segments": segments,
        }
        for one, (part, whole) in zip([None, *fillings], pairs, strict=True)
    ]
