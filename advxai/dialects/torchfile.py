"""Torch's files, the zip archive and the older row of pickles, read without torch: what was pickled, the numbers."""

import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from advxai.dialects.marks import LARGEST, Storage
from advxai.dialects.pickled import unpickled

ZIP = b"PK\x03\x04"
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the older form
MAGIC_BYTES = MAGIC.to_bytes(10, "little")
SIZES = {
    "f8": 8,
    "f4": 4,
    "f2": 2,
    "b2": 2,
    "i8": 8,
    "i4": 4,
    "i2": 2,
    "i1": 1,
    "u1": 1,
    "?1": 1,
    "c8": 8,
    "c16": 16,
}  # of a number, bytes
CUT = "the numbers of its tensors are cut off"


@dataclass(frozen=True)
class TorchFile:
    """A file of `torch.save`, open.

    Attributes:
        content: what was saved, as plain Python and marks (`advxai.dialects.pickled`).
        source: where its storages are.
        kinds: of which numbers each storage is, by its key.
    """

    content: Any
    source: "zipfile.ZipFile | BinaryIO"
    kinds: Mapping[str, str]

    def numbers(self, storages: Iterable[Storage]) -> Mapping[str, bytearray]:
        """The bytes of each storage by its key, whole and little-endian.

        Raises:
            ValueError: they aren't all there, or are more than the file holds.
        """
        wanted = {storage.key: storage for storage in storages}
        if isinstance(self.source, zipfile.ZipFile):
            return dict(_zipped(self.source, wanted))
        return dict(_in_a_row(self.source, wanted, self.kinds))


@contextmanager
def opened(path: Path) -> Iterator[TorchFile | None]:
    """A file of torch, as long as it is looked at; None: it is none of torch's.

    Raises:
        ValueError, OSError, zipfile.BadZipFile: it is one, and can't be read.
    """
    kinds: dict[str, str] = {}
    with open(path, "rb") as file:
        start = file.read(64)
        file.seek(0)
        if start.startswith(ZIP):
            with zipfile.ZipFile(file) as archive:
                folder = _folder(archive)
                yield None if folder is None else TorchFile(_archived(archive, folder, kinds), archive, kinds)
        elif start.startswith(b"\x80") and MAGIC_BYTES in start:
            yield TorchFile(_older(file, kinds), file, kinds)
        else:
            yield None


def _folder(archive: zipfile.ZipFile) -> str | None:
    """The folder in an archive that holds all of it; None: it isn't torch's."""
    found = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
    found = [folder for folder in found if folder.count("/") == 1]
    return found[0] if len(found) == 1 else None


def _archived(archive: zipfile.ZipFile, folder: str, kinds: dict[str, str]) -> Any:
    names = set(archive.namelist())
    if f"{folder}constants.pkl" in names:
        raise ValueError("it is a TorchScript program: save the model's state_dict instead")
    if f"{folder}byteorder" in names and _limited(archive, f"{folder}byteorder") != b"little":
        raise ValueError("its numbers are big-endian: save it on another machine")
    if archive.getinfo(f"{folder}data.pkl").file_size > LARGEST:
        raise ValueError(f"its pickle is larger than {LARGEST >> 20} MiB: save the model's state_dict alone")
    with archive.open(f"{folder}data.pkl") as file:
        return unpickled(file, kinds)  # type: ignore[arg-type]  # a BinaryIO in all that matters


def _limited(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(100).strip()


def _zipped(archive: zipfile.ZipFile, wanted: Mapping[str, Storage]) -> Iterator[tuple[str, bytearray]]:
    folder = _folder(archive)
    assert archive.fp is not None
    archive.fp.seek(0, 2)
    left = archive.fp.tell()  # what overlaps could be many times the file
    for key, storage in wanted.items():
        try:
            found = archive.getinfo(f"{folder}data/{key}")
        except KeyError as error:
            raise ValueError(CUT) from error
        left -= found.file_size
        least = (storage.start + storage.count) * SIZES[storage.kind]
        if found.compress_type != zipfile.ZIP_STORED or found.file_size < least or left < 0:
            raise ValueError("the numbers of its tensors aren't stored as torch stores them")
        yield key, bytearray(archive.read(found))


def _older(file: BinaryIO, kinds: dict[str, str]) -> Any:
    if unpickled(file) != MAGIC or not isinstance(unpickled(file), int):
        raise ValueError("it doesn't begin as torch's files do")
    machine = unpickled(file)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError("its numbers are big-endian: save it on another machine")
    return unpickled(file, kinds)


def _in_a_row(
    file: BinaryIO, wanted: Mapping[str, Storage], kinds: Mapping[str, str]
) -> Iterator[tuple[str, bytearray]]:
    """Storages one after the other, each after the number of its numbers."""
    keys = unpickled(file)
    start = file.tell()
    end = file.seek(0, 2)
    file.seek(start)
    if not isinstance(keys, list) or not set(wanted) <= {key for key in keys if isinstance(key, str)}:
        raise ValueError(CUT)
    for key in keys:
        head = file.read(8)
        if len(head) < 8 or key not in kinds:
            raise ValueError(CUT)
        count = struct.unpack("<q", head)[0]
        size = count * SIZES[kinds[key]]
        if not 0 <= size <= end - file.tell():
            raise ValueError(CUT)
        storage = wanted.get(key)
        if storage is None:
            file.seek(size, 1)
        elif storage.start + storage.count > count:
            raise ValueError(CUT)
        else:
            yield key, bytearray(file.read(size))
