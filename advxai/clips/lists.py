"""The user's list of clips. Planning reads it, so without pandas."""

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from advxai.common.categories import REAL, category_of
from advxai.common.errors import InputError, in_line, reading
from advxai.common.text import read_text

COLUMNS = ("video", "start", "category")
BY_RULE = -1  # the clip's first frame: where the rule has it
OWN = "own"  # folder of the keys of files that the corpus doesn't have
LAST = 10**9  # no video has so many frames
SAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Asked:
    """One line of a list of clips.

    Attributes:
        line: its number, from 1.
        video: FF++ relative path, or a file.
        start: the clip's first frame; BY_RULE: the line doesn't say.
        category: what the video is; "": the line doesn't say, so of a file of the user's own nobody knows.
    """

    line: int
    video: str
    start: int = BY_RULE
    category: str = ""


@dataclass(frozen=True)
class Asking:
    """A list of clips: its file, for messages, and its lines in order."""

    source: Path
    clips: list[Asked]


def read_list(source: Path) -> Asking:
    """A user's list of clips.

    Args:
        source: a CSV (commas, semicolons or tabs) in UTF-8 with the column video and, if wanted, start and category, in
            any order. Blank lines count for nothing, cells may stand in quotes.

    Raises:
        InputError: it can't be read, lists no clip, its header lacks video or has a column that is unknown or comes
            twice, a line has too few or too many values, no video, a start that is no frame number, or (video, start)
            of another line; names the line.
    """
    with reading(source, "correct video.list", "a list of clips"):
        text = io.StringIO(read_text(source), newline=None).read()  # line ends of old Macs and of Windows
    first = next((line for line in text.split("\n") if line.strip()), "")
    separator = max(",;\t", key=first.count)
    clips = list(_clips(source, text, separator))
    if not clips:
        raise InputError(f"{source} lists no clip: give a list with at least one.")
    seen: dict[tuple[str, int], int] = {}
    for one in clips:
        if (line := seen.setdefault((one.video, one.start), one.line)) != one.line:
            at = "" if one.start == BY_RULE else f" from frame {one.start} on"
            raise InputError(
                f"{source}, line {one.line}: {in_line(one.video)}{at} is in line {line} too: list every clip once."
            )
    return Asking(source, clips)


def own_key(path: str) -> str:
    """The name of a video that is a file of the user's own, safe as a path: own/<its name>-<digits of its path's hash>.

    Args:
        path: as the list has it.
    """
    digits = hashlib.sha256(os.path.normpath(path).encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{OWN}/{SAFE.sub('_', PurePosixPath(path).stem)[:100]}-{digits}"


def files_of(source: Path) -> list[list[str | int]]:
    """The files of the user's own that a list has, so that planning notices that one was exchanged: of each its path,
    size and time of change (ns), by path. Of a list that can't be read, which others tell, and of a file that isn't
    there none. What is in a file is looked at when its clip is cut.

    Args:
        source: as of `read_list`.
    """
    try:
        named = sorted({one.video for one in read_list(source).clips if not category_of(one.video)})
    except InputError:
        return []
    found: list[list[str | int]] = []
    for path in filter(os.path.isfile, named):
        status = Path(path).stat()
        found.append([path, status.st_size, status.st_mtime_ns])
    return found


def require_known(where: str, one: Asked, categories: Sequence[str]) -> None:
    """Refuse a file of the user's own with a category that is none; without one it isn't known what it is.

    Args:
        where: file and line, for the message.
        one: the line.
        categories: manipulations that the run explains.

    Raises:
        InputError: names the line and what the category may be.
    """
    known = (REAL, *categories)
    if one.category and one.category not in known:
        raise InputError(
            f"{where}: {in_line(one.video)} is a file of your own with the category {in_line(one.category)}: it may be "
            f"one of {', '.join(known)}, or empty, if it isn't known what the video is."
        )


def _clips(source: Path, text: str, separator: str) -> Iterator[Asked]:
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    header: list[str] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            where = f"{source}, line {reader.line_num}"
            if not any(cells):
                continue
            if not header:
                header = _header(source, cells)
            elif len(cells) != len(header):
                raise InputError(f"{where} has {len(cells)} values: it needs {len(header)}, {', '.join(header)}.")
            else:
                yield _clip(where, reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num} is no line of a CSV file ({error}): correct it.") from error


def _header(source: Path, cells: list[str]) -> list[str]:
    names = [cell.lower() for cell in cells]
    legend = f"it may have {', '.join(COLUMNS)}, each once, and must have video"
    if "video" not in names:
        raise InputError(f"{source} has the header {in_line(','.join(cells))}: {legend}.")
    for name in names:
        if name not in COLUMNS or names.count(name) > 1:
            said = "an unknown column" if name not in COLUMNS else f"{names.count(name)} columns"
            raise InputError(f"{source} has {said} {in_line(name) or 'without a name'}: {legend}.")
    return names


def _clip(where: str, line: int, cells: dict[str, str]) -> Asked:
    video, start = cells["video"], cells.get("start", "")
    if not video:
        raise InputError(f"{where} names no video: write its FF++ relative path or a file.")
    if start and not (start.isascii() and start.isdigit() and len(start) < 12 and int(start) < LAST):
        raise InputError(f"{where}: start {in_line(start)} must be the number of a frame, from 0, or empty.")
    return Asked(line, video, int(start) if start else BY_RULE, cells.get("category", ""))
