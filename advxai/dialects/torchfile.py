"""Torch's files, the zip archive and the older row of pickles, read without torch: what was pickled, the numbers."""

import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from advxai.dialects.marks import LARGEST, Storage
from advxai.dialects.pickled import Claim, unpickled

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
STORED = "the numbers of its tensors aren't stored as torch stores them"


@dataclass(frozen=True)
class TorchFile:
    """A file of `torch.save`, open.

    Attributes:
        content: what was saved, as plain Python and marks (`advxai.dialects.pickled`).
        source: where its storages are.
        claims: what the pickle says of each storage, by its key.
    """

    content: Any
    source: "zipfile.ZipFile | BinaryIO"
    claims: Mapping[str, Claim]

    def numbers(self, storages: Iterable[Storage]) -> Mapping[str, bytearray]:
        """The bytes of each storage by its key, whole and little-endian.

        Raises:
            ValueError: they aren't all there, or are more than the file holds.
        """
        wanted = {storage.key: storage for storage in storages}
        if isinstance(self.source, zipfile.ZipFile):
            return dict(_zipped(self.source, wanted))
        return dict(_in_a_row(self.source, wanted, self.claims))


@contextmanager
def opened(path: Path) -> Iterator[TorchFile | None]:
    """A file of torch, as long as it is looked at; None: it is none of torch's.

    Raises:
        ValueError, OSError, zipfile.BadZipFile: it is one, and can't be read.
    """
    claims: dict[str, Claim] = {}
    with open(path, "rb") as file:
        start = file.read(64)
        file.seek(0)
        if start.startswith(ZIP):
            with zipfile.ZipFile(file) as archive:
                folder = _folder(archive)
                yield None if folder is None else TorchFile(_archived(archive, folder, claims), archive, claims)
        elif start.startswith(b"\x80") and MAGIC_BYTES in start:
            yield TorchFile(_older(file, claims), file, claims)
        else:
            yield None


def _folder(archive: zipfile.ZipFile) -> str | None:
    """The folder in an archive that holds all of it; None: it isn't torch's."""
    found = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
    found = [folder for folder in found if folder.count("/") == 1]
    return found[0] if len(set(found)) == 1 else None


def _archived(archive: zipfile.ZipFile, folder: str, claims: dict[str, Claim]) -> Any:
    names = set(archive.namelist())
    if f"{folder}constants.pkl" in names:
        raise ValueError("it is a TorchScript program: save the model's state_dict instead")
    _as_torch_stores(archive)
    if f"{folder}byteorder" in names and _limited(archive, f"{folder}byteorder") != b"little":
        raise ValueError("its numbers are big-endian: save it on another machine")
    if archive.getinfo(f"{folder}data.pkl").file_size > LARGEST:
        raise ValueError(f"its pickle is larger than {LARGEST >> 20} MiB: save the model's state_dict alone")
    with archive.open(f"{folder}data.pkl") as file:
        content = unpickled(file, claims)  # type: ignore[arg-type]  # a BinaryIO in all that matters
    for key, claim in claims.items():  # torch itself would go by what is claimed
        name = f"{folder}data/{key}"
        if name not in names:
            raise ValueError(CUT)
        if claim.length * _size(claim.kind) > archive.getinfo(name).file_size:
            raise ValueError(STORED)
    return content


def _as_torch_stores(archive: zipfile.ZipFile) -> None:
    """Refuse what would be many times the file once it is read, and names of which a reader might take either.

    Torch's reader tells no small letters from large ones, and unpacks whatever is packed.
    """
    members = archive.infolist()
    if any(one.compress_type != zipfile.ZIP_STORED for one in members):
        raise ValueError("it is compressed, as torch's files never are: unpack it and pack it without compression")
    if len({one.filename.lower() for one in members}) < len(members):
        raise ValueError("two parts of it have one name")
    if sum(one.file_size for one in members) > _whole(archive):
        raise ValueError(STORED)


def _whole(archive: zipfile.ZipFile) -> int:
    """Bytes of an archive's file."""
    assert archive.fp is not None
    return archive.fp.seek(0, 2)


def _size(kind: str) -> int:
    return SIZES.get(kind, 1)  # 1, at least: numbers that are only passed over


def _limited(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(100).strip()


def _zipped(archive: zipfile.ZipFile, wanted: Mapping[str, Storage]) -> Iterator[tuple[str, bytearray]]:
    folder = _folder(archive)
    left = _whole(archive)  # what overlaps could be many times the file
    for key, storage in wanted.items():
        try:
            found = archive.getinfo(f"{folder}data/{key}")
        except KeyError as error:
            raise ValueError(CUT) from error
        left -= found.file_size
        least = (storage.start + storage.count) * SIZES[storage.kind]
        if found.compress_type != zipfile.ZIP_STORED or found.file_size < least or left < 0:
            raise ValueError(STORED)
        yield key, bytearray(archive.read(found))


def _older(file: BinaryIO, claims: dict[str, Claim]) -> Any:
    if unpickled(file) != MAGIC or not isinstance(unpickled(file), int):
        raise ValueError("it doesn't begin as torch's files do")
    machine = unpickled(file)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError("its numbers are big-endian: save it on another machine")
    content = unpickled(file, claims)
    start = file.tell()
    end = file.seek(0, 2)
    file.seek(start)
    if sum(claim.length * _size(claim.kind) for claim in claims.values()) > end - start:
        raise ValueError(CUT)  # torch would take that memory before it reads on
    return content


def _in_a_row(
    file: BinaryIO, wanted: Mapping[str, Storage], claims: Mapping[str, Claim]
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
        if len(head) < 8 or key not in claims:
            raise ValueError(CUT)
        count = struct.unpack("<q", head)[0]
        size = count * _size(claims[key].kind)
        if not 0 <= size <= end - file.tell():
            raise ValueError(CUT)
        storage = wanted.get(key)
        if storage is None:
            file.seek(size, 1)
        elif storage.start + storage.count > count:
            raise ValueError(CUT)
        else:
            yield key, bytearray(file.read(size))
