"""Restoration over time: the counterpart's pixels put into whole segments of a clip, each in its own frames.

The steps, the fall and the flips are those of images (`advxai.metrics.restoration`): a clip's segments are (T, h, w),
so a segment brings back its region of the original in the frames that it spans and in no other, the area is a share of
the clip, and what falls is the clip's answer. A clip is restored if each of its frames has a counterpart.
"""

from collections.abc import Sequence

import numpy as np

from advxai.common.arrays import Pixels
from advxai.config.video import Video
from advxai.frames.counterparts import Genuine
from advxai.metrics.restoration import Restoration

LACKS = "a frame has no counterpart: "


def restoration(settings: Video) -> Restoration:
    """The measure, up to `area` of the clip, flips after 1 ... `top` segments."""
    return Restoration("restoration", settings.area, settings.top, what="clip")


def no_counterpart(counterparts: Genuine, frames: Sequence[str]) -> str:
    """Why a clip can't be restored, by the first of its frames that lacks a counterpart of use; "" if none does.

    Args:
        counterparts: of the frames.
        frames: their keys.
    """
    return next((f"{LACKS}{why}" for why in map(counterparts.reason, frames) if why), "")


def counterpart(counterparts: Genuine, frames: Sequence[str]) -> list[Pixels] | None:
    """The genuine frames behind a clip's, each uint8 (H, W, 3) RGB; None where one lacks.

    Raises:
        InputError: the database lacks one, or has another.
    """
    if no_counterpart(counterparts, frames):
        return None
    return [np.asarray(counterparts.image(key)) for key in frames]
