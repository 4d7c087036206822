"""The header of a safetensors file, eight bytes of its length, then JSON: read without the library, which takes longer
to import."""

import json
import os
import struct
from pathlib import Path
from typing import Any

SUFFIX = ".safetensors"
LARGEST = 25_000_000  # bytes of a header: that of a large network is some 100 kB


def safetensors_header(path: Path) -> dict[str, Any] | None:
    """What a safetensors file says of its tensors, by their names, and of itself, under "__metadata__".

    Returns:
        None: it is a file of another form, by its name and its first bytes, or none.

    Raises:
        ValueError, OSError, RecursionError: it is one, and can't be read.
    """
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        start = file.read(9)
        if path.suffix.lower() != SUFFIX and start[8:] != b"{":
            return None
        size = os.fstat(file.fileno()).st_size
        length = struct.unpack("<Q", start[:8])[0] if len(start) == 9 else size
        if 8 + length > size or length > LARGEST:
            if path.suffix.lower() != SUFFIX:
                return None
            if 8 + length <= size:
                raise ValueError(f"its header is larger than {LARGEST // 1_000_000} MB, which no detector's is")
            raise ValueError("its header is cut off")
        file.seek(8)
        text = file.read(length)
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"its header is {type(found).__name__}")
    ends = [8 + length]
    for name, value in found.items():
        if name != "__metadata__":
            ends.append(8 + length + _end(value))
    if max(ends) > size:
        raise ValueError("its tensors are cut off")
    return found


def _end(value: object) -> int:
    offsets = value.get("data_offsets") if isinstance(value, dict) else None
    if not isinstance(offsets, list) or not offsets or not isinstance(offsets[-1], int):
        raise ValueError("its header doesn't say where its tensors are")
    return offsets[-1]
