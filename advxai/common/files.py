"""Files and folders that appear whole or not at all."""

import errno
import glob
import hashlib
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from advxai.common.errors import InputError

LONGEST = 255  # bytes of a name, on all common file systems
DIGITS = 8  # of the hash that tells shortened names apart
UNIQUE = 32  # letters of a name that nothing else has


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK = _umask()


def fitting(name: str, room: int) -> str:
    """A name of at most so many bytes: itself or, too long, what fits of its beginning and some digits of its hash.

    Args:
        name: without a suffix.
        room: bytes, more than `DIGITS` + 1.
    """
    encoded = os.fsencode(name)
    if len(encoded) <= room:
        return name
    digits = hashlib.sha256(encoded).hexdigest()[:DIGITS]
    return f"{encoded[: room - DIGITS - 1].decode(errors='ignore')}-{digits}"


def printable(name: str) -> str:
    """A file's or an image's name as it may be shown in a line: every blank as a space, and what can't be printed,
    such as bytes that are no letters and what a terminal takes for a command, as a replacement character."""
    shown = (" " if letter.isspace() else letter for letter in name)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in shown)


def let_others(path: Path) -> None:
    """Let others see a file or folder as far as the umask lets them: tempfile's, and some writers', are one's own."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(mode | ((0o777 if path.is_dir() else 0o666) & ~_UMASK))


def hidden_beside(path: Path) -> Path:
    """A path beside another of a hidden name that nothing else has; it keeps the suffix, for writers that go by it."""
    short = len(os.fsencode(path.suffix)) <= UNIQUE  # else it is no suffix
    stem, suffix = (path.stem, path.suffix) if short else (path.name, "")
    room = LONGEST - UNIQUE - len("..") - len(os.fsencode(suffix))
    return path.with_name(f".{fitting(stem.removeprefix('.'), room)}.{uuid.uuid4().hex}{suffix}")


def _to_disk(path: Path) -> None:
    """Wait until a file's bytes are on the disk: a rename may otherwise outlive them in a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(path: Path, save: Callable[[Path], object], *, replace: bool = True) -> bool:
    """Let `save` write a temporary file in the same folder, which is made, then put it in place atomically.

    The temporary file's name begins with a dot and keeps the suffix, for writers that go by it.

    Args:
        path: the file.
        save: writes it to the path it is given.
        replace: a file that is there already is replaced; else it stays, and the new one goes.

    Returns:
        Whether the new file is in place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = hidden_beside(path)
    try:
        save(temporary)
        if temporary.is_file():
            let_others(temporary)
        _to_disk(temporary)
        if replace:
            temporary.replace(path)
            return True
        return _placed(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def publish_text(path: Path, text: str) -> None:
    """Let a file hold this text; one that does already stays as it is, and keeps its time."""
    if not says(path, text):
        publish(path, lambda file: file.write_text(text, encoding="utf-8"))


def says(path: Path, text: str) -> bool:
    """Whether a file is there and holds this text, byte by byte."""
    return path.is_file() and path.read_bytes() == text.encode()


def _placed(temporary: Path, path: Path) -> bool:
    """Give a file its name unless another one has it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        temporary.replace(path)
    return True


@contextmanager
def published_folder(path: Path, *, alone: bool = False) -> Iterator[Path]:
    """A scratch folder beside `path` that takes its place, whatever is there, when the block ends without an error.

    Args:
        path: the folder.
        alone: nobody else writes it at the same time: scratch folders that killed jobs left beside it are deleted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if alone:
        for left in path.parent.glob(f"{glob.escape(scratch_prefix(path.name))}*"):
            shutil.rmtree(left, ignore_errors=True)
    scratch = _scratch_folder(path)
    try:
        yield scratch
        let_others(scratch)
        while not _renamed(scratch, path):
            former = _scratch_folder(path)
            _renamed(path, former)
            shutil.rmtree(former, ignore_errors=True)  # NFS keeps what some reader has open; `prune` clears it up
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch_folder(path: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=scratch_prefix(path.name), dir=path.parent))


def scratch_prefix(name: str) -> str:
    """What the names of tempfile's hidden scratch folders and files beside something of this name begin with."""
    return f".{fitting(name, LONGEST - 16)}-"  # tempfile adds eight letters, and some a suffix


def _renamed(folder: Path, path: Path) -> bool:
    """Rename a folder unless there is a full one of that name, or another writer has just taken `folder` away."""
    try:
        folder.rename(path)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST) or not folder.exists():
            return False
        raise
    return True


def database_file(path: Path) -> Path:
    """The file of an LMDB that is one file, or a folder with data.mdb."""
    return path / "data.mdb" if path.is_dir() else path


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a user's file.

    Raises:
        InputError: there is no such file.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror}); correct the path in the configuration") from error
