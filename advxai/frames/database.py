"""The image database (LMDB): key -> encoded image bytes, exactly as on disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

import lmdb

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError, reading
from advxai.common.files import database_file, publish
from advxai.frames.pages import Pages
from advxai.media.cut import decode_png
from advxai.run.bar import Bar

if TYPE_CHECKING:
    import pandas as pd

PAGE = 4096  # least size in which LMDB stores a value of an image's size, bytes
COMMIT = 1000  # images a transaction
KEY_MAX = 511  # LMDB's own limit, bytes
CUT = "run again with `--forcerun faces_shard`, which cuts out only what isn't as it was"
LISTED_ANEW = "run again with `--forcerun frames_crops`, which lists the images anew"
REBUILD = "delete the database and run again (one that the authors' tools made: make it anew)"


def build(
    rows: "pd.DataFrame", path: Path, scratch: Path | None = None, *, empty: bool = False, remedy: str = CUT
) -> None:
    """Write a database (one file) and publish it after every image was read back and its hash compared.

    Args:
        rows: columns key, file (path of the image) and sha256 (of its bytes).
        path: the file to publish; a former one is replaced.
        scratch: folder in which it is put together: LMDB writes here and there, which a network's disk is bad at; None:
            beside `path`.
        empty: a database without an image is wanted, too.
        remedy: what to do where a file isn't the one that was listed, for messages.

    Raises:
        InputError: there is no image, a key comes twice or is too long, or a file is missing or has another hash.
    """
    if rows.empty and not empty:
        raise InputError(f"there is no image for the database {path}: read why in the table of what was left out.")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # sorted keys fill LMDB's pages best and make the file independent of the rows' order
    entries = rows[["key", "file", "sha256"]].sort_values("key", kind="stable")
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=scratch or path.parent) as folder:
        made = Path(folder, path.name)
        made.touch()
        _write(entries, str(made), path.name, remedy)
        _check(entries, made, path)
        publish(path, made.rename if scratch is None else lambda file: shutil.copyfile(made, file))


def _check(entries: "pd.DataFrame", made: Path, path: Path) -> None:
    """Compare every image of a database that is to be published at `path` with its hash."""
    bar = Bar(total=len(entries), desc=f"check {path.name}", unit="image")
    with FrameStore(made) as store:
        for number, (key, digest) in enumerate(zip(entries["key"], entries["sha256"], strict=True), start=1):
            if store.sha256(key) != digest:
                raise InputError(f"{key} was not stored whole in {path}: check the disk and {REBUILD}.")
            if number % COMMIT == 0:
                store.close()  # gives back what was mapped, or the process grows to the size of the file
            bar.update()
    bar.close()


def _write(entries: "pd.DataFrame", path: str, name: str, remedy: str) -> None:
    with lmdb.open(
        path, subdir=False, lock=False, map_size=_map_size(entries, remedy), sync=False, metasync=False, max_dbs=0
    ) as environment:
        bar = Bar(total=len(entries), desc=name, unit="image")
        for start in range(0, len(entries), COMMIT):
            with environment.begin(write=True) as transaction:
                for key, file, digest in entries.iloc[start : start + COMMIT].itertuples(index=False):
                    _put(transaction, key, file, digest, remedy)
                    bar.update()
        bar.close()
        environment.sync(True)


def _put(transaction: lmdb.Transaction, key: str, file: str, digest: str, remedy: str) -> None:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file} can't be read ({error.strerror}): {remedy}.") from error
    if sha256(data).hexdigest() != digest:
        raise InputError(f"{file} has changed since it was made: {remedy}.")
    if not 0 < len(key.encode()) <= KEY_MAX:
        raise InputError(f"the key {key!r} must have 1 to {KEY_MAX} bytes: shorten the video's path.")
    if not transaction.put(key.encode(), data, overwrite=False):
        raise InputError(f"{key} comes twice: give every image a key of its own.")


def _map_size(entries: "pd.DataFrame", remedy: str) -> int:
    """An upper bound of the database's size in bytes; the file itself takes only what it holds."""
    total = 0
    for file in entries["file"]:
        try:
            size = Path(file).stat().st_size
        except OSError as error:
            raise InputError(f"{file} can't be read ({error.strerror}): {remedy}.") from error
        total += (size // PAGE + 3) * PAGE  # the value's own pages and, more than enough, one for its key
    return total + 1024 * PAGE


class FrameStore:
    """Read-only access to a database. Opened at first use in each process, so it may be forked or pickled.

    Args:
        path: the database's file, or a folder that holds it as data.mdb.

    Raises:
        InputError: at first use, when there is no such file or it isn't a whole database.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._handle: _Handle | None = None

    def __contains__(self, key: str) -> bool:
        name = key.encode()
        if not 0 < len(name) <= KEY_MAX:
            return False
        with self._seen(key) as database, database.begin(buffers=True) as transaction:  # the image itself is not read
            return transaction.get(name) is not None

    def bytes(self, key: str, digest: str | None = None) -> "bytes":
        """The encoded image, as it was on disk.

        Args:
            key: the image's.
            digest: SHA-256 that it must have; None: not compared.

        Raises:
            InputError: the database has no such key, is damaged there, or its bytes aren't those of the digest.
        """
        with self._seen(key) as database, database.begin() as transaction:
            data = transaction.get(key.encode())
        if data is None:
            raise InputError(f"{key} is not in the database {self.path}: {REBUILD}.")
        if digest is not None and sha256(data).hexdigest() != digest:
            raise InputError(f"{key} in the database {self.path} isn't the image that was stored: {REBUILD}.")
        return data

    def image(self, key: str, digest: str | None = None) -> Pixels:
        """The image, uint8 (H, W, 3) RGB; arguments as of `bytes`.

        Raises:
            InputError: as `bytes`, or its bytes aren't a whole image.
        """
        return decode_png(self.bytes(key, digest), f"{key} in the database {self.path}", REBUILD)

    def sha256(self, key: str) -> str:
        """Hexadecimal SHA-256 of the encoded image; raises as `bytes` does."""
        return sha256(self.bytes(key)).hexdigest()

    def close(self) -> None:
        """Give up this store's handle; the next use opens it again."""
        self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_handle": None}

    @contextmanager
    def _seen(self, key: str) -> Iterator[lmdb.Environment]:
        """The database, in which LMDB can be asked for this key: it won't be led out of the file."""
        handle = self._open()
        with reading(f"{key} in the database {self.path}", f"{REBUILD}."):
            handle.pages.check(key.encode())
            yield handle.environment

    def _open(self) -> "_Handle":
        if self._handle is None or self._handle.process != os.getpid():
            with reading(self.path, f"{REBUILD}.", "a database"):
                self._handle = _shared_handle(self.path)
        return self._handle


class _Handle:
    """An open environment, its pages and the process that opened it; closed when no store of that process needs it any
    more."""

    def __init__(self, environment: lmdb.Environment, pages: Pages) -> None:
        self.environment, self.pages, self.process = environment, pages, os.getpid()

    def __del__(self) -> None:
        if self.process == os.getpid():
            self.environment.close()


# LMDB allows one open environment a file and process: the stores of one file share theirs, by device and inode
_HANDLES: WeakValueDictionary[tuple[int, int], _Handle] = WeakValueDictionary()


def _shared_handle(path: Path) -> _Handle:
    status = database_file(path).stat()
    identity = (status.st_dev, status.st_ino)
    handle = _HANDLES.get(identity)
    if handle is not None and handle.process == os.getpid():
        return handle
    if handle is not None:
        handle.environment.close()  # inherited by a fork: closes the child's copy, the parent's stays open
    pages = Pages(database_file(path))  # before LMDB, which a changed byte may let crash
    environment = lmdb.open(str(path), subdir=path.is_dir(), readonly=True, lock=False, max_dbs=0)
    handle = _HANDLES[identity] = _Handle(environment, pages)
    return handle
