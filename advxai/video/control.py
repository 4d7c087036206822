"""Controls and ceilings of clips: rankings of their segments that never see the detector. Needs no torch.

A clip's map is what the control of images goes by in each of its frames; its segments, in space and time, are scored by
the means in them.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Pixels
from advxai.common.classes import Classes
from advxai.common.randomness import seed_of
from advxai.common.rows import row_at
from advxai.common.types import Item
from advxai.config.controls import AnyControl, Centre, Edges, Largest, OracleDifference, OracleMask, Random
from advxai.config.science import Fit
from advxai.faces.mask import mask_of
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import FrameStore
from advxai.saliency import controls
from advxai.saliency.controls import EMPTY_MASK, NO_MASK, Ordered, Sight
from advxai.saliency.given import NO_COUNTERPART, named
from advxai.video.given import counterparts_id, frame_keys, masks_id
from advxai.video.hosts import Hosts, host_of
from advxai.video.record import record_of

if TYPE_CHECKING:
    import pandas as pd

NO_COST = {"images": 0, "calls": 0, "backwards": 0}


def ordered(settings: AnyControl, key: str, segments: NDArray[np.int16], sights: Sequence[Sight], seed: int) -> Ordered:
    """The order of a clip's segments by a control or ceiling.

    Args:
        settings: the row's entry of the configuration; face_prior has no form for clips.
        key: the clip's.
        segments: (T, h, w) int16, labels 0 ... S-1.
        sights: what there is to go by of each of the T frames; their segments are the clip's in that frame.
        seed: the run's; a random order is drawn by (seed, "saliency", "random", key).
    """
    match settings:
        case Random():
            generator = np.random.default_rng(seed_of(seed, "saliency", "random", key))
            return controls.random(segments, generator, settings.draws)
        case Centre():
            one = controls.centre_map((segments.shape[1], segments.shape[2]), settings.width)
            return controls.by_map(np.repeat(one[None], len(segments), axis=0), segments)
        case Largest():
            return controls.by_size(segments, np.concatenate([_seen(sight).ravel() for sight in sights]))
        case Edges():
            maps = [controls.edges_map(sight.segments, sight.image, sight.fit) for sight in sights]
            return controls.by_map(np.stack(maps), segments)
        case OracleMask():
            return _oracle_mask(segments, sights)
        case OracleDifference():
            why = next((sight.no_counterpart for sight in sights if sight.counterpart is None), None)
            gap = _gap(sights)
            if gap is None:
                return controls.missing(segments, f"{NO_COUNTERPART}{why}")
            return controls.by_map(gap, segments)
    raise ValueError(f"no control of clips: {settings.method}")


def _seen(sight: Sight) -> NDArray[np.int16]:
    return controls.seen(sight.segments, (sight.image.shape[0], sight.image.shape[1]), sight.fit)


def _shape(sight: Sight) -> tuple[int, int]:
    return sight.segments.shape[0], sight.segments.shape[1]


def _oracle_mask(segments: NDArray[np.int16], sights: Sequence[Sight]) -> Ordered:
    """A clip whose mask is empty in some frames has one; where one isn't known, the clip has none."""
    masks = [(sight, sight.mask) for sight in sights if sight.mask is not None]
    if len(masks) < len(sights):
        return controls.missing(segments, NO_MASK)
    if not any(mask.any() for _, mask in masks):
        return controls.missing(segments, EMPTY_MASK)
    inside = np.stack([controls.inside_map(mask, _shape(sight), sight.fit) for sight, mask in masks])
    return controls.by_share(inside, _gap(sights), segments)


def _gap(sights: Sequence[Sight]) -> NDArray[np.floating] | None:
    """Difference to the counterparts, (T, h, w); None where a frame has none."""
    both = [(sight, sight.counterpart) for sight in sights if sight.counterpart is not None]
    if len(both) < len(sights):
        return None
    return np.stack([controls.difference_map(one.image, other, _shape(one), one.fit) for one, other in both])


class Seeing(Protocol):
    """What there is to go by of each frame of a clip; `Sources` answers."""

    def see(self, item: Item, segments: NDArray[np.int16]) -> list[Sight]: ...


@dataclass(frozen=True, eq=False)
class Sources:
    """Reader of what controls and ceilings go by, frame by frame. What a row doesn't need is None.

    Attributes:
        frames: the clips' LMDB.
        faces: the manifest of their frames, by key; knows the true masks.
        counterparts: of their frames.
        fit: how a crop lies in the detector's input, as of `advxai.media.fit.lies_in`.
    """

    frames: FrameStore
    faces: "pd.DataFrame | None" = None
    counterparts: Counterparts | None = None
    fit: Fit = "stretch"

    def with_given(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        """Clips with the name of what each is ordered by; as they are, where that is the clip alone."""
        if self.faces is None and self.counterparts is None:
            return [dict(item) for item in items]
        return [{**item, "given": self._given(frame_keys(item))} for item in items]

    def _given(self, keys: Sequence[str]) -> str:
        parts = [] if self.faces is None else [masks_id(map(self._mask, keys))]
        if self.counterparts is not None:
            parts.append(counterparts_id(self.counterparts, keys))
        return named(*parts)

    def _mask(self, key: str) -> Pixels | None:
        return None if self.faces is None else mask_of(row_at(self.faces, key))

    def see(self, item: Item, segments: NDArray[np.int16]) -> list[Sight]:
        """What there is to go by of each frame of a clip, whose segments are (T, h, w)."""
        other = self.counterparts
        return [
            Sight(
                key=frame["key"],
                segments=labels,
                image=self.frames.image(frame["key"], frame["sha256"]),
                mask=self._mask(frame["key"]),
                counterpart=None if other is None else other.image(frame["key"]),
                no_counterpart="" if other is None else other.reason(frame["key"]),
                fit=self.fit,
            )
            for frame, labels in zip(item["frames"], segments, strict=True)
        ]


def run(
    items: Iterable[Item], hosts: Hosts, settings: AnyControl, seed: int, sources: Seeing, classes: Classes
) -> Iterator[dict[str, Any]]:
    """Put the segments of every clip in order.

    Args:
        items: clips with `key`, `sha256` and `frames`.
        hosts: what the clips' scores say, of `advxai.video.hosts.hosts_of`.
        settings: the row's entry of the configuration.
        seed: the run's.
        sources: what there is to go by.
        classes: the detector's.

    Yields:
        Records as of `advxai.video.saliency.run`, of the predicted class; what they cost is time. Further fields: of
        `random` `draws` (draws, S) int16.

    Raises:
        InputError: the scores lack a clip.
    """
    for item in items:
        start = time.perf_counter()
        host = host_of(hosts, item)
        made = ordered(settings, item["key"], host["segments"], sources.see(item, host["segments"]), seed)
        yield {
            "key": item["key"],
            "sha256": item["sha256"],
            **record_of(made, host, int(classes.called(host["before"])), made.missing, {}),
            **NO_COST,
            "seconds": time.perf_counter() - start,
            **made.more,
        }
