"""Explainers of images on clips, frame by frame: a clip's map is its frames' maps, one after the other.

All frames are explained of the class that the clip is; each by the segments of its own that the explainer's entry asks
for. The clip's segments are scored by the means of the map in them.

Where an explainer stretches an image's map from its least to its greatest value, a clip's is stretched once: a frame
that says little has a map that says little. Explainers that don't tell what they have stretched
(`advxai.saliency.base.Explanation.unscaled`), as those of others needn't, are joined as they are.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from advxai.common.types import Item, Record
from advxai.config.video import OverFrames
from advxai.detector.model import Detector
from advxai.frames.counterparts import Genuine
from advxai.saliency import stage
from advxai.saliency.base import Explanation, min_max
from advxai.saliency.prepare import explained_class, generator_of, nothing
from advxai.saliency.ranking import rank, segment_means
from advxai.video.adversary import Adversarial
from advxai.video.clip import Load, inputs_of
from advxai.video.given import frame_keys, no_copy, no_counterpart
from advxai.video.hosts import Hosts, host_of
from advxai.video.record import record_of

if TYPE_CHECKING:
    from advxai.config.explainers import AnyExplainer

COPIES = 8  # clips whose copies are kept, at most: those that frames in work are of
NO_COST = {"images": 0, "calls": 0, "backwards": 0, "seconds": 0.0}


def of_frames(
    items: Iterable[Item],
    load: Load,
    detector: Detector,
    entry: OverFrames,
    hosts: Hosts,
    seed: int,
    at_once: int,
    copies: Adversarial | None,
    filling: Genuine | None,
    row: str | None,
) -> Iterator[dict[str, Any]]:
    """Records of clips, each as soon as its last frame is explained.

    Arguments and records as of `advxai.video.saliency.run`; images and calls are those of the frames, without the one
    forward a frame by which the stage of images finds a class, which the clip's scores have said already.
    """
    clips: dict[str, Item] = {}
    frames: list[Item] = []
    for item in items:
        host = host_of(hosts, item)
        keys = frame_keys(item)
        missing = "" if filling is None else no_counterpart(filling, keys)
        missing = missing or ("" if copies is None else no_copy(host))
        target = explained_class(entry, host["before"], detector.classes)
        if missing:
            yield {**_named(item), **record_of(nothing(host["segments"]), host, target, missing, {}), **NO_COST}
            continue
        clips[item["key"]] = item
        frames += [
            {"key": frame["key"], "sha256": frame["sha256"], "target": target, "clip": item["key"], "place": place}
            for place, frame in enumerate(item["frames"])
        ]
    whose = {frame["key"]: frame for frame in frames}
    adversarial = None if copies is None else _Copies(clips, load, detector, copies)
    begun: dict[str, dict[int, Record]] = {}
    for record in stage.run(
        frames, load, detector, cast("AnyExplainer", entry.row), seed, at_once, adversarial, filling, row, whole=True
    ):
        frame = whose[record["key"]]
        of = begun.setdefault(frame["clip"], {})
        of[frame["place"]] = record
        item = clips[frame["clip"]]
        if len(of) == len(item["frames"]):
            del begun[frame["clip"]]
            attack = {} if adversarial is None else adversarial.attacks.pop(item["key"])
            parts = [of[place] for place in range(len(of))]
            yield {**_named(item), **_joined(item, parts, host_of(hosts, item), frame["target"], attack)}


class _Copies:
    """Each frame's part of its clip's adversarial copy, as the stage of images asks for it.

    Attributes:
        attacks: clip -> the record of its copy.
    """

    def __init__(self, clips: dict[str, Item], load: Load, detector: Detector, copies: Adversarial) -> None:
        self.attacks: dict[str, Record] = {}

        @lru_cache(maxsize=COPIES)
        def copy_of(clip: str) -> Tensor:
            copy, attack = copies(clips[clip], inputs_of(clips[clip], load, detector))
            self.attacks[clip] = {name: attack[name] for name in ("queries", "calls", "seconds") if name in attack}
            return copy

        self._copy_of = copy_of

    def __call__(self, frame: Item, image: Tensor) -> tuple[Tensor, Record]:
        return self._copy_of(frame["clip"])[frame["place"]], {}


def _named(item: Item) -> dict[str, str]:
    return {"key": item["key"], "sha256": item["sha256"]}


def _joined(item: Item, parts: Sequence[Record], host: Record, target: int, attack: Record) -> dict[str, Any]:
    """One record of all frames'."""
    missing = next((part["missing"] for part in parts if part["missing"]), "")
    made, zero = joined_map(parts)
    scores = segment_means(made, host["segments"])
    ranking = rank(scores, generator_of(0, "ties", item["key"]))  # of equal segments as white boxes have it
    found = nothing(host["segments"]) if missing else Explanation(made, scores, ranking, zero)
    cost = {name: sum(part[name] for part in parts) for name in NO_COST}
    return {**record_of(found, host, target, missing, attack), **cost}


def joined_map(parts: Sequence[Record]) -> tuple[NDArray[np.float32], float]:
    """The frames' maps (T, h, w) on one scale, and their zero; nan: they have none.

    What was stretched is stretched over all frames, and a value of 0 has its place in that. Of maps as they were
    computed with zeros of their own, each is counted from its zero.
    """
    zeros = np.array([part["zero"] for part in parts], np.float64)
    given = [part["unscaled"] for part in parts]
    if all(one is not None for one in given):
        low, high = min(one.low for one in given), max(one.high for one in given)
        made = min_max(np.stack([one.map for one in given]).astype(np.float64), (low, high)).astype(np.float32)
        signed = bool(np.isfinite(zeros).any()) and bool(made.any())
        return made, -low / (high - low) if signed else math.nan
    made = np.stack([part["map"] for part in parts])
    if not np.isfinite(zeros).all():
        return made, math.nan
    if (zeros == zeros[0]).all():
        return made, float(zeros[0])
    return made - zeros[:, None, None].astype(np.float32), 0.0
