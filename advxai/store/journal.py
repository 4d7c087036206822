"""Journal of an unfinished shard: each record is safe on disk as soon as it is computed."""

import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def _pack(record: Mapping[str, Any]) -> bytes:
    arrays = {name: value for name, value in record.items() if isinstance(value, np.ndarray)}
    scalars = {name: value for name, value in record.items() if name not in arrays}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{"": np.frombuffer(json.dumps(scalars).encode(), dtype=np.uint8)}, **arrays)
    return buffer.getvalue()


def _unpack(blob: bytes, order: list[str]) -> dict[str, Any]:
    with np.load(io.BytesIO(blob), allow_pickle=False) as data:
        values: dict[str, Any] = json.loads(data[""].tobytes())
        values.update({name: data[name] for name in data.files if name})
    return {name: values[name] for name in order}


class Journal:
    """One writer's append-only records (SQLite), each with a checksum.

    Args:
        path: the journal's file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("CREATE TABLE IF NOT EXISTS records (fields TEXT, record BLOB, sha256 TEXT)")

    def add(self, record: Mapping[str, Any]) -> None:
        """Append a record; on disk when this returns."""
        blob = _pack(record)
        row = (json.dumps(list(record)), blob, hashlib.sha256(blob).hexdigest())
        self._connection.execute("INSERT INTO records VALUES (?, ?, ?)", row)

    def close(self) -> None:
        self._connection.close()

    def remove(self) -> None:
        """Delete the journal: its records are published."""
        self.close()
        for suffix in ("", "-journal"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Records that some job, perhaps a killed one, left behind; those with a wrong checksum are not given back."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for fields, blob, digest in connection.execute("SELECT fields, record, sha256 FROM records"):
            if hashlib.sha256(blob).hexdigest() == digest:
                yield _unpack(blob, json.loads(fields))
    finally:
        connection.close()
