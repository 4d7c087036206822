"""What each image of a shard brings to the measures: its explanation, its mask, its counterpart."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from advxai.common.arrays import Pixels
from advxai.common.classes import Classes
from advxai.common.types import Item, Record
from advxai.config.science import Fit
from advxai.frames.counterparts import Genuine, derived_mask
from advxai.media.fit import region_over
from advxai.metrics.base import Measure, Subject, Truth, explanation_id
from advxai.saliency.given import counterpart_id, mask_id, named, with_given

NO_MASK = "its true mask isn't known"


class Subjects:
    """Explanations of a shard's images, with what the measures compare them with.

    Args:
        saliency: key -> record of the stage saliency.
        image_of: (key, hash) -> the crop, uint8 (H, W, 3) RGB.
        mask_of: key -> its true mask, uint8 (H, W); None: not known.
        counterparts: the images' counterparts.
        classes: the detector's.
        fit: how a crop lies in the detector's input, as of `advxai.media.fit.lies_in`.
    """

    def __init__(
        self,
        saliency: Mapping[str, Record],
        image_of: Callable[[str, str], Pixels],
        mask_of: Callable[[str], Pixels | None],
        counterparts: Genuine,
        classes: Classes,
        fit: Fit = "stretch",
    ) -> None:
        self.saliency, self.image_of, self.classes, self.fit = saliency, image_of, classes, fit
        self.mask_of, self.counterparts = mask_of, counterparts

    def items(self, images: Iterable[Item], measure: Measure) -> list[dict[str, Any]]:
        """The images with `given`, the hash of all that this measure's numbers are made from besides the detector, for
        `advxai.run.store.complete`."""
        needs = frozenset[str]().union(*(column.needs for column in measure.columns))
        chosen = ({"key": item["key"], "sha256": item["sha256"]} for item in images)
        return with_given(chosen, lambda key: self._given(key, needs))

    def _given(self, key: str, needs: frozenset[str]) -> str:
        parts = [explanation_id(self.saliency[key])]
        if needs & {"mask", "difference"}:
            parts.append(mask_id(self.mask_of(key)))
        if needs & {"counterpart", "difference"}:
            parts.append(counterpart_id(self.counterparts, key))
        return named(*parts)

    def subject(self, key: str, sha256: str) -> Subject:
        """One image's explanation, without the detector's inputs."""
        return Subject(
            key=key,
            explanation=self.saliency[key],
            classes=self.classes,
            find_mask=partial(self._mask, key),
            find_difference=partial(self._difference, key, sha256),
            no_counterpart=self.counterparts.reason(key),
        )

    def _mask(self, key: str) -> Truth:
        mask = self.mask_of(key)
        return Truth(None, NO_MASK) if mask is None else Truth(region_over(mask > 0, self._size(key), self.fit))

    def _difference(self, key: str, sha256: str) -> Truth:
        if reason := self.counterparts.reason(key):
            return Truth(None, reason)
        counterpart = self.counterparts.image(key)
        assert counterpart is not None
        derived = derived_mask(self.image_of(key, sha256), counterpart, self.mask_of(key))
        return Truth(region_over(derived, self._size(key), self.fit))

    def _size(self, key: str) -> tuple[int, int]:
        height, width = self.saliency[key]["segments"].shape
        return height, width

    def with_inputs(self, key: str, sha256: str, prepare: Any, chunk: int) -> Subject:
        """One image's explanation, with the detector's inputs.

        Args:
            key, sha256: of the image.
            prepare: (h, w, 3) uint8 -> the detector's input, (3, h, w).
            chunk: most rows of a request.
        """
        subject = self.subject(key, sha256)
        counterpart: Pixels | None = self.counterparts.image(key)
        return replace(
            subject,
            image=prepare(self.image_of(key, sha256)),
            counterpart=None if counterpart is None else prepare(counterpart),
            chunk=chunk,
        )
