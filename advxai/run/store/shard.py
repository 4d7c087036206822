"""Published shards: one HDF5 file of equal records, one column a field.

A record is a mapping of field -> str, bool, int, float or numpy array. In the file every field is a dataset whose first
axis is the image; arrays whose last axes have unequal lengths (a ranking, scores of segments) are padded, and
`<field>__length` holds the true lengths. The file's user block (its first 512 bytes, which HDF5 skips) holds the
SHA-256 of all that follows, so that no changed byte goes unseen; every dataset of numbers carries a Fletcher-32
checksum besides, for other readers.
"""

import hashlib
import io
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from advxai.common.errors import reading
from advxai.common.files import publish
from advxai.common.types import Record

USER_BLOCK = 512
SEAL = b"advxai sha256 "
LENGTH = "__length"


def _stack(values: list[Any]) -> tuple[NDArray[Any], NDArray[np.int32] | None]:
    arrays = [np.asarray(value) for value in values]
    dtype = np.result_type(*arrays)
    if len({array.shape for array in arrays}) == 1 and arrays[0].size:
        return np.stack(arrays).astype(dtype, copy=False), None
    if len({array.shape[:-1] for array in arrays}) != 1 or not arrays[0].ndim:
        raise ValueError("arrays of one field may differ only in the length of their last axis")
    lengths = np.array([array.shape[-1] for array in arrays], dtype=np.int32)
    fill = np.nan if np.issubdtype(dtype, np.floating) else -1
    stacked = np.full((len(arrays), *arrays[0].shape[:-1], max(int(lengths.max()), 1)), fill, dtype=dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[..., : array.shape[-1]] = array
    return stacked, lengths


def _write_field(group: h5py.File, name: str, values: list[Any]) -> None:
    if isinstance(values[0], str):
        group.create_dataset(name, data=values, dtype=h5py.string_dtype())
        return
    stacked, lengths = _stack(values)
    chunks = (1, *stacked.shape[1:]) if stacked.ndim > 2 else (len(stacked), *(max(n, 1) for n in stacked.shape[1:]))
    options = {"compression": "gzip", "shuffle": True} if stacked.ndim > 2 else {}
    group.create_dataset(name, data=stacked, chunks=chunks, fletcher32=True, **options)
    if lengths is not None:
        group.create_dataset(name + LENGTH, data=lengths, chunks=lengths.shape, fletcher32=True)


def write_shard(path: Path, records: Sequence[Record], attributes: Mapping[str, Any]) -> None:
    """Publish records atomically.

    Args:
        path: the HDF5 file; its folder is made.
        records: all with the same fields; may be empty.
        attributes: what the file was made from, stored as the file's attributes.
    """

    # HDF5 is put together in memory: on a full disk the library itself ends in a crash instead of an error.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=USER_BLOCK) as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        file.attrs["records"] = len(records)
        for field in records[0] if records else ():
            _write_field(file, field, [record[field] for record in records])
    content = buffer.getbuffer()
    content[:USER_BLOCK] = _seal(hashlib.sha256(content[USER_BLOCK:]).hexdigest())
    publish(path, lambda file: file.write_bytes(content))


def _seal(digest: str) -> bytes:
    """The user block: SHA-256 of what follows it."""
    return (SEAL + digest.encode() + b"\n").ljust(USER_BLOCK, b"\0")


def _column(file: h5py.File, name: str, rows: slice) -> list[Any]:
    if h5py.check_string_dtype(file[name].dtype):
        return list(file[name].asstr()[rows])
    values = file[name][rows]
    if name + LENGTH in file:
        return [row[..., :length] for row, length in zip(values, file[name + LENGTH][rows], strict=True)]
    return list(values) if values.ndim > 1 else values.tolist()


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The shard, its checksum verified: of other bytes HDF5's library may never come to an end.

    Raises:
        InputError: it is damaged, or no shard of ours; also whatever its reading in the block raises.
    """
    with reading(path, "delete it and run again", "a shard of ours"):
        with open(path, "rb") as file:
            seal = file.read(USER_BLOCK)
            if seal != _seal(hashlib.file_digest(file, "sha256").hexdigest()):
                raise OSError("it is damaged: its bytes are not those that were written")
        with h5py.File(path, "r", locking=False) as shard:  # never changed; NFS may have no locks
            yield shard


def read_shard(path: Path, fields: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Read every record of a shard.

    Args:
        path: the shard.
        fields: only these; None: all.

    Raises:
        InputError: the file is damaged or no shard; the message names it.
    """
    return list(stream_shard(path, fields, at_once=sys.maxsize))


def stream_shard(path: Path, fields: Collection[str] | None = None, at_once: int = 32) -> Iterator[dict[str, Any]]:
    """What `read_shard` returns, record by record, with no more than `at_once` of them in memory."""
    with opened(path) as file:
        names = [name for name in file if not name.endswith(LENGTH) and (fields is None or name in fields)]
        for start in range(0, int(file.attrs["records"]), at_once):
            columns = [_column(file, name, slice(start, start + at_once)) for name in names]
            yield from (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def read_some(path: Path, keys: Collection[str]) -> list[dict[str, Any]]:
    """What `read_shard` returns of a few images, by their `key`; nothing else is decompressed."""
    with opened(path) as file:
        if not int(file.attrs["records"]):
            return []
        rows = [row for row, key in enumerate(file["key"].asstr()[:]) if key in keys]
        names = [name for name in file if not name.endswith(LENGTH)]
        columns = {name: [_column(file, name, slice(row, row + 1))[0] for row in rows] for name in names}
    return [{name: column[row] for name, column in columns.items()} for row in range(len(rows))]


def read_attributes(path: Path) -> dict[str, Any]:
    """What a shard says of itself: `records`, `found` and `computed` (see `complete`), and what its writer added.

    Raises:
        InputError: the file is damaged or no shard.
    """
    with opened(path) as file:
        return dict(file.attrs)
