"""What an explanation is made from besides the image, a counterpart, a mask, a prior, so that it belongs to that."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from advxai.common.arrays import Pixels
from advxai.common.types import Item

if TYPE_CHECKING:
    from advxai.frames.counterparts import Genuine


NO_COUNTERPART = "no counterpart: "  # what the reason why there is no explanation begins with


def with_given(items: Iterable[Item], given: Callable[[str], str]) -> list[dict[str, Any]]:
    """Items with `given`, the name of what each is explained by besides (`advxai.run.store.complete.identity`).

    Args:
        items: images with `key`.
        given: key -> name.
    """
    return [{**item, "given": given(item["key"])} for item in items]


def named(*parts: str) -> str:
    """A name for what some texts, such as hashes, stand for."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def counterpart_id(counterparts: "Genuine", key: str) -> str:
    """Names an image's counterpart, or why it has none."""
    return named(counterparts.sha256(key), counterparts.reason(key))


def mask_id(mask: Pixels | None) -> str:
    """Names a true mask (H, W), or that there is none."""
    return (
        "" if mask is None else named(str(mask.shape), hashlib.sha256(np.ascontiguousarray(mask).tobytes()).hexdigest())
    )
