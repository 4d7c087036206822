"""Node-local scratch: where a job works on files, instead of on a disk that it shares with other nodes."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from advxai.common.errors import InputError

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
        try:
            source = open(path, "rb")  # noqa: SIM115  # closed below
        except OSError as error:
            raise InputError(f"{path} can't be read ({error.strerror}): replace the file.") from error
        with source, open(copy, "wb") as file:
            shutil.copyfileobj(source, file, CHUNK)
        try:
            yield copy
        except InputError as error:
            raise InputError(str(error).replace(str(copy), str(path))) from error
