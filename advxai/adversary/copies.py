"""Which adversarial copy an image has, so that an explanation that fills in with it belongs to that one."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.errors import InputError
from advxai.common.types import Item
from advxai.run.store import read_shard


def copy_id(steps: NDArray[np.integer]) -> str:
    """Names a step map: hash of its shape, dtype and values."""
    header = f"{steps.dtype.str} {steps.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(steps).tobytes()).hexdigest()[:16]


def with_copies(items: Sequence[Item], shard: Path) -> list[dict[str, Any]]:
    """Items with `copy`, the id of their adversarial copy in a published shard.

    Two machines that share a store, or other versions of torch, may leave another copy of an image; the maps that were
    made with one aren't those of the other.

    Raises:
        InputError: the shard is damaged, or lacks an image.
    """
    records = read_shard(shard, ("key", "sha256", "steps"))
    copies = {(record["key"], record["sha256"]): copy_id(record["steps"]) for record in records}
    lacking = [item["key"] for item in items if (item["key"], item["sha256"]) not in copies]
    if lacking:
        raise InputError(f"{shard} has no adversarial copy of {lacking[0]}: delete the file and run again")
    return [{**item, "copy": copies[item["key"], item["sha256"]]} for item in items]
