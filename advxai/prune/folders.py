"""Looking through folders without following links or disturbing a job that is writing there."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LEFTOVER = 24 * 3600.0  # seconds without a change after which no job is at it any more


def children_of(folder: Path) -> list[Path]:
    """What is in a folder, if there is one."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def files_in(folder: Path) -> list[Path]:
    """The files in a folder that are no links and not hidden."""
    return [path for path in children_of(folder) if path.is_file() and not path.is_symlink() and not is_hidden(path)]


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder that are no links and not hidden."""
    return [path for path in children_of(folder) if path.is_dir() and not path.is_symlink() and not is_hidden(path)]


def is_hidden(path: Path) -> bool:
    """Whether a name is a temporary file's, or a folder's that is being written or deleted."""
    return path.name.startswith(".")


def unwanted(folder: Path, wanted: Callable[[Path], bool | None]) -> list[Path]:
    """The largest parts of a folder that nobody wants: `[folder]` if that is all of it.

    Args:
        folder: where to look.
        wanted: whether a path in it is; None for a folder where each part is to be looked at. Links, and what a job may
            be writing, always are.
    """
    parts = children_of(folder)
    found: list[Path] = []
    for path in parts:
        if path.is_symlink():
            continue
        answer = not is_stale(path) if is_hidden(path) else wanted(path)
        if answer is None:
            found += unwanted(path, wanted)
        elif not answer:
            found.append(path)
    return [folder] if parts and found == parts else found


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Of a path and, if it is a folder, of all in it; links aren't followed. What vanishes meanwhile isn't there."""
    inside = (Path(root, name) for root, *names in os.walk(path) for name in (*names[0], *names[1]))
    for place in (path, *inside):
        try:
            yield place.lstat()
        except FileNotFoundError:
            continue


def measure(path: Path) -> tuple[int, int]:
    """Bytes and number of the files of a path."""
    sizes = [status.st_size for status in _statuses(path) if not stat.S_ISDIR(status.st_mode)]
    return sum(sizes), len(sizes)


def is_stale(path: Path) -> bool:
    """Whether nobody has touched a path, or anything in it, for a day."""
    return max((status.st_mtime for status in _statuses(path)), default=time.time()) < time.time() - LEFTOVER


def leftovers(store: Path, skipped: set[Path]) -> Iterator[Path]:
    """Temporary files and folders that nobody has touched for a day."""
    for root, folders, files in os.walk(store):
        hidden = [Path(root, name) for name in (*folders, *files) if name.startswith(".")]
        yield from (path for path in hidden if path not in skipped and is_stale(path))
        folders[:] = [name for name in folders if not name.startswith(".") and Path(root, name) not in skipped]


def elsewhere(path: Path, folder: Path) -> bool:
    """Whether a path isn't in a folder, or is a link, or behind one."""
    place, root = absolute(path), absolute(folder)
    if place == root or not place.is_relative_to(root) or place.is_symlink():
        return True
    return place.parent.resolve() != root.resolve() / place.parent.relative_to(root)


def absolute(path: str | Path) -> Path:
    """Without following links."""
    return Path(os.path.abspath(path))
