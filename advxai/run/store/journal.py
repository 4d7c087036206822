"""Journal of an unfinished shard: a computed record outlives its process at once, and the machine within a second.

One file a writer, only ever appended to, so that it can be read at any moment, also on a network's file system, where
locks can't be relied on. A record is a frame: MAGIC, length of the blob (8 bytes), SHA-256 of the blob, the blob. What
a killed writer left half written, or a fault has changed, fails its checksum and is not given back.
"""

import hashlib
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from advxai.common.errors import InputError
from advxai.common.types import Record

MAGIC = b"\nADVXAI\x01"
HEADER = len(MAGIC) + 8 + 32
SYNC_EVERY = 1.0  # seconds


def _pack(record: Record) -> bytes:
    arrays = {name: value for name, value in record.items() if isinstance(value, np.ndarray)}
    scalars = {name: value for name, value in record.items() if name not in arrays}
    content = json.dumps([list(record), scalars]).encode()
    buffer = io.BytesIO()
    # arrays of whatever name; the stubs think of the argument allow_pickle
    np.savez_compressed(buffer, **{"": np.frombuffer(content, dtype=np.uint8)}, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _unpack(blob: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(blob), allow_pickle=False) as data:
        order, values = json.loads(data[""].tobytes())
        values.update({name: data[name] for name in data.files if name})
    return {name: values[name] for name in order}


class Journal:
    """One writer's append-only records.

    Args:
        path: the journal's file; it is made, with its folder, by the first record.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._synced = 0.0

    def add(self, record: Record) -> None:
        """Append a record."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab")  # noqa: SIM115  # as long as there are records
        blob = _pack(record)
        self._file.write(MAGIC + len(blob).to_bytes(8, "big") + hashlib.sha256(blob).digest() + blob)
        self._file.flush()
        # the disk itself may take longer than a cheap record's computation
        if time.monotonic() - self._synced > SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Records that some job, perhaps a killed one, left behind; those with a wrong checksum are not given back.

    Raises:
        FileNotFoundError: there is no such journal any more.
        InputError: it can't be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): allow it, or delete it") from error
    start = data.find(MAGIC)
    while start >= 0:
        header = data[start + len(MAGIC) : start + HEADER]
        stop = start + HEADER + int.from_bytes(header[:8], "big")
        blob = data[start + HEADER : stop]
        whole = hashlib.sha256(blob).digest() == header[8:]
        if whole:
            yield _unpack(blob)
        # after a bad frame its length can't be trusted either: look for the next beginning
        start = data.find(MAGIC, stop if whole else start + 1)
