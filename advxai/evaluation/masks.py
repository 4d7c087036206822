"""Which pixels are attacked: the segments that a ranking puts first."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.types import Item, Record
from advxai.saliency.ranking import ranking_of, top_mask


def mask_id(mask: NDArray[np.bool_]) -> str:
    """Names a set of pixels: hash of the (h, w) bool mask."""
    header = "x".join(map(str, mask.shape)).encode()
    return hashlib.sha256(header + np.packbits(mask).tobytes()).hexdigest()[:16]


def attack_items(
    items: Sequence[Item], saliency: Mapping[str, Record], top: int, population: str = "ranked"
) -> list[dict[str, Any]]:
    """The attacks that an explainer's rows need: for each image with at least `top` segments to attack, one for each k
    in 1..top.

    Args:
        items: images with `key` and `sha256`.
        saliency: key -> record of the saliency stage.
        top: largest k.
        population: as of `ranking_of`.

    Returns:
        Items with `key`, `sha256`, `mask` (its id) and `pixels` (h, w) bool.
    """
    attacks = []
    for item in items:
        record = saliency[item["key"]]
        if len(ranking_of(record, population)) < top:
            continue
        for k in range(1, top + 1):
            pixels = top_mask(record, k, population)
            attacks.append({"key": item["key"], "sha256": item["sha256"], "mask": mask_id(pixels), "pixels": pixels})
    return attacks
