"""Clips of four frames in sixteen squares and two slices of time, small enough to work out by hand."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from advxai.config.video import Video
from advxai.video.measures import Subjects
from tests.helpers import SIZE, TWO, quadrants

FRAMES = 4
KEY = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/clip_00000_0"
# labels 0 ... 15 in the first two frames, 16 ... 31 in the last two
SEGMENTS = np.repeat(np.stack([quadrants(), quadrants() + 16]), 2, axis=0).astype(np.int16)
BRIGHT, DARK = np.full((SIZE, SIZE, 3), 191, np.uint8), np.full((SIZE, SIZE, 3), 50, np.uint8)
# p(Fake) of a bright frame by `reads_segment`, and its fall to a dark one; the mean of both is below a half
P, GENUINE = (1 / (1 + math.exp(-6 * (value / 127.5 - 1))) for value in (191, 50))
D = P - GENUINE
SETTINGS = Video(frames=FRAMES, top=2, area=0.25)


def item(key: str = KEY, category: str = "Deepfakes") -> dict[str, Any]:
    frames = [{"key": f"{key}#{number:05d}", "sha256": str(number)} for number in range(FRAMES)]
    video = key.rpartition("/")[0]
    return {"key": key, "sha256": "c", "video": video, "category": category, "label": 1, "frames": frames}


def record(*first: int, **changes: Any) -> dict[str, Any]:
    """An explanation that ranks these segments first, then the others by label; scores fall with the rank from 1."""
    ranking = np.array([*first, *(one for one in range(32) if one not in first)], np.int16)
    scores = np.zeros(32, np.float32)
    scores[ranking] = 1 - np.arange(32) / 32
    maps = {"map": scores[SEGMENTS], "segments": SEGMENTS, "scores": scores, "ranking": ranking}
    before = np.array([1 - P, P], np.float32)
    return {**maps, "zero": math.nan, "missing": "", "called_real": False, "before": before, **changes}


class Genuine:
    """Counterparts of frames: dark ones, but for the frames that lack one."""

    def __init__(self, lacking: Mapping[str, str] | None = None, picture: np.ndarray = DARK) -> None:
        self.lacking, self.picture = lacking or {}, picture

    def reason(self, key: str) -> str:
        return self.lacking.get(key, "")

    def image(self, key: str) -> np.ndarray | None:
        return None if self.reason(key) else self.picture

    def sha256(self, key: str) -> str:
        return "" if self.reason(key) else "d"


def masked(*labels: int) -> Any:
    """Frame's key -> the mask of these segments in that frame."""
    return lambda key: (np.isin(SEGMENTS[int(key[-5:])], labels) * 255).astype(np.uint8)


def subjects(
    records: Mapping[str, dict[str, Any]], mask: Any = lambda _: None, genuine: Genuine | None = None
) -> Subjects:
    return Subjects(records, mask, genuine or Genuine(), TWO)
