"""What an explanation of a clip is made from besides the clip, by name. Needs no torch."""

from collections.abc import Iterable

from advxai.common.arrays import Pixels
from advxai.frames.counterparts import Genuine
from advxai.saliency.given import NO_COUNTERPART, counterpart_id, mask_id, named


def counterparts_id(counterparts: Genuine, keys: Iterable[str]) -> str:
    """Names the counterparts of a clip's frames, or why some have none."""
    return named(*(counterpart_id(counterparts, key) for key in keys))


def masks_id(masks: Iterable[Pixels | None]) -> str:
    """Names the true masks (H, W) of a clip's frames, or that some have none."""
    return named(*map(mask_id, masks))


def no_counterpart(counterparts: Genuine, keys: Iterable[str]) -> str:
    """Why a clip has no counterpart: the reason of its first frame without one; "" if all frames have theirs."""
    reasons = (counterparts.reason(key) for key in keys)
    return next((f"{NO_COUNTERPART}{reason}" for reason in reasons if reason), "")
