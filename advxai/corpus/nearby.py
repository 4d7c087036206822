"""Folders that were named one or two levels too high or too low."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

LEVELS = 2  # how far down is looked
UP = 4  # and up: as deep as the videos lie in FF++'s root
MOST = 500  # entries of a folder that are looked at: the wrong one may be any, such as a home


def nearby(folder: Path, right: Callable[[Path], bool]) -> list[Path]:
    """The folders around a wrong one that are right; the nearest ones below it, else the nearest one that it is in.

    Args:
        folder: the wrong one, which needn't be there.
        right: whether a folder is the one that is meant.
    """
    level = [folder]
    for _ in range(LEVELS):
        level = [inner for outer in level[:MOST] for inner in _folders(outer)]
        if found := [inner for inner in level if right(inner)]:
            return found
    return [outer for outer in list(folder.parents)[:UP] if right(outer)][:1]


def _folders(folder: Path) -> Iterator[Path]:
    """Those in a folder, by name; none in one that can't be read, which whoever needs it says."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for _, entry in zip(range(MOST), entries, strict=False) if entry.is_dir()]
    except OSError:
        return
    yield from (folder / name for name in sorted(found) if not name.startswith("."))
