"""One GPU a process.

A cluster's scheduler shows a job the one GPU that it has asked for. On a machine of one's own with several, Snakemake
counts them (`--resources gpu=4`) but doesn't say which is whose, and all jobs would meet on the first.
"""

import errno
import fcntl
import logging
import os
import stat
import tempfile
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

import torch

log = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"
_claimed: list[TextIO] = []  # the lock lasts as long as this process


def claim() -> None:
    """Leave this process one GPU, which no other process of ours on this machine has, to be called before CUDA starts.

    With one GPU in view, or none, nothing changes. Where all are taken, or can't be locked, they stay in view and a
    warning says so.
    """
    if _claimed:
        return
    given = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
    names = given or [str(number) for number in range(torch.cuda.device_count())]
    if len(names) < 2:
        return
    try:
        folder = _folder()
        for name in names:
            if lock := _locked(folder / f"gpu-{quote(name, safe='')}.lock"):  # a part of a GPU has slashes in its name
                _claimed.append(lock)
                os.environ[VISIBLE] = name
                log.info("GPU %s of %s", name, ", ".join(names))
                return
    except OSError as error:
        log.warning(
            "The GPUs (%s) can't be shared out among jobs (%s: %s), so they all meet on the first: set TMPDIR to a "
            "folder of your own, or CUDA_VISIBLE_DEVICES for each job",
            ", ".join(names),
            error.filename,
            error.strerror,
        )
        return
    log.warning(
        "All GPUs (%s) are taken by other jobs, so this one shares the first; start no more jobs than there are GPUs: "
        "--resources gpu=%d",
        ", ".join(names),
        len(names),
    )


def _folder() -> Path:
    """A folder for locks that is this user's alone: in a shared one others could put links in the locks' places.

    Raises:
        OSError: there can't be one.
    """
    folder = Path(tempfile.gettempdir(), f"advxai-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "it isn't a folder that you alone may write to", str(folder))
    return folder


def _locked(path: Path) -> TextIO | None:
    """The file, locked; None: another process has it. It is never written to."""
    lock = open(path, "r+", opener=_opener)  # noqa: SIM115  # kept open: it is the lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    except OSError as error:  # not every disk has locks
        lock.close()
        raise OSError(error.errno, error.strerror, str(path)) from error
    return lock


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
