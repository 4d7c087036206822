"""Deleting what nobody needs. Nothing else in the project deletes finished work."""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from advxai.common.files import hidden_beside
from advxai.common.sizes import human
from advxai.prune.entries import Entry
from advxai.prune.folders import elsewhere

log = logging.getLogger(__name__)


def delete(entries: Iterable[Entry], results: Path) -> list[Entry]:
    """Delete files and folders; a folder gets a hidden name first, so that no reader sees half of it.

    Args:
        entries: what to delete.
        results: the folder outside which nothing is deleted.

    Returns:
        What is deleted; the log says so, and of anything else why not.
    """
    gone = []
    for entry in entries:
        try:
            _remove(entry.path, results)
        except OSError as error:
            log.error("not deleted: %s (%s)", entry.path, error.strerror or error)
        else:
            log.info("deleted: %s (%s)", entry.path, human(entry.bytes))
            gone.append(entry)
    return gone


def _remove(path: Path, results: Path) -> None:
    if elsewhere(path, results):
        raise OSError(f"it isn't in {results}, or only by a link")
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    hidden = hidden_beside(path)
    path.rename(hidden)
    shutil.rmtree(hidden)
