"""Node-local scratch: where a job works on files, instead of on a disk that it shares with other nodes."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from advxai.common.errors import InputError, reading

CHUNK = 1 << 20  # bytes at a time


def scratch_folder(setting: str | None) -> Path | None:
    """The folder that the configuration's `scratch` means on this machine; None: none is wanted.

    Args:
        setting: a path; environment variables in it are those of the job, for example `$TMPDIR`.

    Raises:
        InputError: a variable isn't set here, or there is no such folder.
    """
    if setting is None:
        return None
    folder, host = os.path.expandvars(setting), socket.gethostname()
    if "$" in folder:
        raise InputError(f"scratch: {setting} names a variable that isn't set on {host}; correct it, or set it to null")
    if not Path(folder).is_dir():
        raise InputError(f"scratch: {folder} is no folder on {host}; make it, correct the path, or set it to null")
    return Path(folder)


@contextmanager
def nearby(path: Path, scratch: Path | None) -> Iterator[Path]:
    """A copy of a file in `scratch` for the time of the block; without scratch, the file itself.

    Raises:
        InputError: the file can't be read; or the block's own, which then names the file where it named the copy.
    """
    if scratch is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="advxai-", dir=scratch) as folder:
        copy = Path(folder, path.name)
        with open(copy, "wb") as file:
            for part in _parts(path):
                file.write(part)
        try:
            yield copy
        except InputError as error:
            raise InputError(str(error).replace(str(InputError(str(copy))), str(path))) from error


def _parts(path: Path) -> Iterator[bytes]:
    """A file's bytes, piece by piece."""
    remedy = "replace the file."
    with reading(path, remedy):
        source = open(path, "rb")  # noqa: SIM115  # closed below
    with source:
        while True:
            with reading(path, remedy):  # what is done with a piece is another matter
                part = source.read(CHUNK)
            if not part:
                return
            yield part
