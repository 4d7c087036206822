"""Controls and ceilings of clips: the order of 32 segments in space and time by each method."""

from typing import Any

import cv2
import numpy as np

from advxai.config.controls import CEILINGS
from advxai.config.video import CLIP_CONTROLS
from advxai.saliency.controls import Sight
from advxai.video.control import ordered
from tests.clips import clip, entry, load
from tests.golden.compare import Near, Values
from tests.golden.pictures import picture
from tests.helpers import SIZE, quadrants

FRAMES = 4


def _mask(place: int) -> np.ndarray:
    """A disc that moves."""
    return cv2.circle(np.zeros((SIZE, SIZE), np.uint8), (11 + 3 * place, 18), 9, 255, -1)


def _numbers(method: str) -> dict[str, Any]:
    item = clip(8, FRAMES)
    segments = np.stack([quadrants() + 16 * (place // 2) for place in range(FRAMES)]).astype(np.int16)
    seen = []
    for place, (frame, labels) in enumerate(zip(item["frames"], segments, strict=True)):
        image, mask = load(frame), _mask(place)
        other = np.where(mask[..., None] > 0, picture(9), image)
        seen.append(Sight(frame["key"], labels, image, mask, other))
    made = ordered(entry(method=method), item["key"], segments, seen, seed=6)
    return {
        "scores": Near(made.scores, absolute=1e-4),
        "ranking": made.ranking,
        "map": Near([made.map.mean(), made.map.std(), *made.map[[0, 2, 3], [3, 17, 28], [5, 16, 22]]], absolute=1e-4),
        **({"draws": made.more["draws"][:2]} if "draws" in made.more else {}),
    }


def values() -> Values:
    return {method: _numbers(method) for method in (*CLIP_CONTROLS, *CEILINGS)}
