"""Controls and ceilings: the order of sixteen segments of a picture by each method."""

from typing import Any

import cv2
import numpy as np

from advxai.config.controls import CEILINGS, CONTROLS
from advxai.saliency.controls import Sight, ordered
from advxai.saliency.prior import FACE, SIDE, ellipses, mean_mask
from tests.golden import pictures
from tests.golden.compare import Near, Values
from tests.helpers import SIZE, explainer_settings, quadrants

LANDMARKS = (FACE - 3) * SIZE / SIDE  # a face that is a little off the middle


def _mask() -> np.ndarray:
    """A disc, not in the middle."""
    return cv2.circle(np.zeros((SIZE, SIZE), np.uint8), (13, 18), 9, 255, -1)


def _sight() -> Sight:
    image = pictures.picture(8)
    other = np.where(_mask()[..., None] > 0, pictures.picture(9), image)
    prior = mean_mask([(_mask(), LANDMARKS), (np.roll(_mask(), 4, axis=1), LANDMARKS)])
    return Sight("videos/000_001.mp4/8", quadrants(), image, _mask(), other, "", LANDMARKS, prior)


def _numbers(method: str) -> dict[str, Any]:
    made = ordered(explainer_settings(method=method), _sight(), seed=6)
    return {
        "scores": Near(made.scores, absolute=1e-5),
        "ranking": made.ranking,
        "map": Near([made.map.mean(), made.map.std(), *made.map[[3, 17, 30], [5, 16, 22]]], absolute=1e-5),
        **({"draws": made.more["draws"]} if "draws" in made.more else {}),
    }


def values() -> Values:
    return {method: _numbers(method) for method in (*CONTROLS, *CEILINGS)} | {
        "ellipses": Near([ellipses().share.mean(), *ellipses().share[[50, 70, 90], [46, 64, 64]]], absolute=1e-5)
    }
