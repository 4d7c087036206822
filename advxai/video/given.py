"""What an explanation of a clip is made from besides the clip, by name. Needs no torch."""

from collections.abc import Iterable

from advxai.common.arrays import Pixels
from advxai.common.types import Item, Record
from advxai.frames.counterparts import Genuine
from advxai.saliency.given import NO_COUNTERPART, counterpart_id, mask_id, named

NO_COPY = "no adversarial copy: the clip is called real"  # so that NES stops before it begins


def frame_keys(item: Item) -> list[str]:
    """Keys of a clip's frames, in order."""
    return [frame["key"] for frame in item["frames"]]


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


def no_copy(host: Record) -> str:
    """Why a clip has no adversarial copy; "" if it has one. What is called real is its own: nothing is filled in, and
    all differences are 0.

    Args:
        host: the clip's scores, as of `advxai.video.hosts.hosts_of`.
    """
    return NO_COPY if host["called_real"] else ""
