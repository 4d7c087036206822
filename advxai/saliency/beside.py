"""The stage `saliency` for controls and ceilings: no forward, no torch.

An image's segments and probabilities are those in the maps of its host, the first explainer that uses the same
segmentation: so the segments are the same to the bit, whatever the machine.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.rows import row_at
from advxai.common.types import Item, Record
from advxai.config.controls import AnyControl
from advxai.config.science import Fit
from advxai.faces.mask import mask_of
from advxai.frames.counterparts import Counterparts
from advxai.frames.database import FrameStore
from advxai.run.store import read_shard
from advxai.saliency.controls import Sight, ordered
from advxai.saliency.given import counterpart_id, mask_id, named, with_given
from advxai.saliency.prior import Prior, landmarks_of

if TYPE_CHECKING:
    import pandas as pd

    from advxai.media.retinaface import RetinaFace

HOST = ("segments", "target", "called_real", "before")  # fields that are taken over
NOTHING: Mapping[str, int | float] = dict.fromkeys(("adversary_images", "adversary_calls", "backwards"), 0) | {
    "adversary_seconds": 0.0,
    "images": 0,
    "calls": 0,
}
See = Callable[[Item, NDArray[np.int16]], Sight]


def hosts_of(shard: Path, classes: Classes) -> dict[tuple[str, str], Record]:
    """(key, hash) -> what is taken over of an explainer's record.

    Args:
        shard: of the explainer's maps.
        classes: the detector's.

    Raises:
        InputError: the shard is damaged.
    """
    records = read_shard(shard, ("key", "sha256", *HOST))
    return {(record["key"], record["sha256"]): host_of(record, classes) for record in records}


def host_of(record: Record, classes: Classes) -> Record:
    """An explainer's record as rows without a detector take it over: of the predicted class, whatever it explains."""
    return {**record, "target": int(classes.called(record["before"]))}


def run(
    items: Iterable[Item], hosts: Mapping[tuple[str, str], Record], settings: AnyControl, seed: int, see: See
) -> Iterator[dict[str, Any]]:
    """Put the segments of every image in order.

    Args:
        items: images with `key` and `sha256`.
        hosts: of `hosts_of`.
        settings: the row's entry of the configuration.
        seed: the run's.
        see: (item, segments) -> what there is to go by.

    Yields:
        Records as of `advxai.saliency.stage.run`; images and calls are 0. Further fields: of `random` `draws`
        (draws, S) int16, of `face_prior` `landmarks` (5, 2).

    Raises:
        InputError: the host has no record of an image.
    """
    for item in items:
        start = time.perf_counter()
        host = hosts.get((item["key"], item["sha256"]))
        if host is None:
            raise InputError(f"the maps of the explainer with the same segments lack {item['key']}: run again")
        made = ordered(settings, see(item, host["segments"]), seed)
        yield {
            "key": item["key"],
            "sha256": item["sha256"],
            "map": made.map,
            "segments": host["segments"],
            "scores": made.scores,
            "ranking": made.ranking,
            "zero": made.zero,
            "missing": made.missing,
            **{name: host[name] for name in HOST if name != "segments"},
            **NOTHING,
            "seconds": time.perf_counter() - start,
            **made.more,
        }


@dataclass(frozen=True, eq=False)
class Sources:
    """Reader of what controls and ceilings go by. What a row doesn't need is None.

    Attributes:
        frames: the LMDB.
        faces: the manifest, by key; knows the true masks.
        counterparts: the run's.
        prior: of faces.
        network: finds landmarks.
        fit: how a crop lies in the detector's input, as of `advxai.media.fit.lies_in`.
    """

    frames: FrameStore
    faces: "pd.DataFrame | None" = None
    counterparts: Counterparts | None = None
    prior: Prior | None = None
    network: "RetinaFace | None" = None
    fit: Fit = "stretch"

    def with_given(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        """Items with the name of what they are ordered by; as they are, where that is the image alone."""
        alone = self.faces is None and self.counterparts is None and self.prior is None
        return [dict(item) for item in items] if alone else with_given(items, self._given)

    def _given(self, key: str) -> str:
        parts = [] if self.faces is None else [mask_id(mask_of(row_at(self.faces, key)))]
        if self.counterparts is not None:
            parts.append(counterpart_id(self.counterparts, key))
        if self.prior is not None:
            parts.append(self.prior.sha256)
        return named(*parts)

    def see(self, item: Item, segments: NDArray[np.int16]) -> Sight:
        """What there is to go by of one image; its mask and its landmarks are looked for."""
        key = item["key"]
        image = self.frames.image(key, item["sha256"])
        other = self.counterparts
        return Sight(
            key=key,
            segments=segments,
            image=image,
            mask=None if self.faces is None else mask_of(row_at(self.faces, key)),
            counterpart=None if other is None else other.image(key),
            no_counterpart="" if other is None else other.reason(key),
            landmarks=None if self.network is None else landmarks_of(image, self.network),
            prior=self.prior,
            fit=self.fit,
        )
