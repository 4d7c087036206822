"""What a job tells the console of its workflow (`advxai.run.console`): how far it is, and what it has made.

Several jobs at once can't share a terminal, and a cluster's jobs have none. So each keeps a small file in the
workflow's directory, which the main process reads. Where nobody listens - Snakemake without the console, a job started
by hand - nothing is kept, and the job itself shows its bars and messages.
"""

import json
import logging
import os
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from advxai.run.owner import NAME

FOLDER = Path(".snakemake/progress")
OWNER = "owner"  # of the folder: a run that was killed leaves it behind
CLEAR = "\r\x1b[K"  # a terminal's line may hold the console's bar
LOGGED = "| "  # begins each line of a log file that no screen shows

log = logging.getLogger(__name__)
_file: Path | None = None
_told: dict[str, Any] = {}


def place(log_file: str) -> Path:
    """The file of the job with this log file."""
    return FOLDER / f"{sha256(log_file.encode()).hexdigest()[:16]}.json"


def offer() -> None:
    """From now on this process's jobs have a console that listens."""
    withdraw()
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / OWNER).write_text(os.environ.get(NAME, ""))
    except OSError as error:  # jobs then say for themselves how far they are
        log.warning("%s can't be used (%s): the console doesn't know how far jobs are", FOLDER, error.strerror)


def withdraw() -> None:
    """There is no console any more."""
    if FOLDER.is_file():
        FOLDER.unlink(missing_ok=True)
    shutil.rmtree(FOLDER, ignore_errors=True)  # a job may write to it still; `OWNER` makes what is left harmless


def offered() -> bool:
    """Whether the workflow that this process belongs to has a console."""
    try:
        return (FOLDER / OWNER).read_text() == os.environ.get(NAME, "")
    except OSError:
        return False


def begin(log_file: str | None) -> None:
    """Tell of this process's job from now on, if there is a console.

    Args:
        log_file: the rule's, relative as Snakemake gives it; None: the job can't be told from others.
    """
    global _file
    _file = place(log_file) if log_file is not None and offered() else None
    _told.clear()


def listened() -> bool:
    """Whether the console shows what this process tells."""
    return _file is not None


def tell(**said: Any) -> None:
    """Add to what the console knows of this job; a value replaces the former one of its name."""
    _told.update(said)
    if _file is None:
        return
    new = _file.with_suffix(f".{os.getpid()}")
    try:
        new.write_text(json.dumps(_told))
        new.replace(_file)  # whole, whenever it is read
    except OSError as error:  # the workflow has gone, or the disk is full: no reason for the job to end
        log.debug("the console isn't told: %s", error)


def read(log_file: str) -> dict[str, Any]:
    """What the job with this log file has told so far."""
    try:
        told: dict[str, Any] = json.loads(place(log_file).read_text())
    except (OSError, ValueError):  # it hasn't begun to tell; or a shared disk has hiccups
        return {}
    return told


class Logged(logging.Formatter):
    """The form of a job's log file: what only this file is to have can be told from the rest."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "\n".join(LOGGED + line for line in text.splitlines()) if hasattr(record, "logged") else text


def spoken() -> logging.Handler:
    """The handler of a job's messages that go to stderr.

    With a console these are all but errors, which it shows with the job's name when the job has ended - unless it has
    ended itself (`extra={"alone": True}`) - and those for the log file only (`extra={"told": True}`): it was told.
    What only the log file is to have (`extra={"logged": True}`), such as a traceback, is never shown.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: not hasattr(record, "logged"))
    if listened():
        handler.addFilter(
            lambda record: hasattr(record, "alone") or (record.levelno < logging.ERROR and not hasattr(record, "told"))
        )
        if sys.stderr.isatty():
            handler.setFormatter(logging.Formatter(f"{CLEAR}%(message)s"))
    return handler
