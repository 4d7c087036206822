"""The header of a list of images, read alike by planning and by who reads the list."""

import csv
import re
from pathlib import Path

from advxai.common.errors import InputError, in_line
from advxai.common.text import decoded

COLUMNS = ["relative_path", "bin_label", "mc_label"]  # of the authors' lists; a fourth, split, may follow
# The authors' list names a crop by its frame, their preprocessing, and ours, by frame and face.
NAME = re.compile(r"(?P<video>.+)/(?P<frame>\d+)(?:_(?P<track>\d\d?)|_\d+)?\.png")
INSTEAD = {",": "commas", ";": "semicolons", "\t": "tabs"}  # what spreadsheets put between columns


def columns_of(path: Path) -> list[str]:
    """Names of a list's columns.

    Raises:
        InputError: it can't be read as text, or has other columns than a list of images.
    """
    columns = header(path)
    if columns in (COLUMNS, [*COLUMNS, "split"]):
        return columns
    begins = in_line(" ".join(columns))
    other = next((name for sign, name in INSTEAD.items() if sign in begins), None)
    hint = f"; it has {other} between its columns, which must be blanks" if other else ""
    raise InputError(f"{path} begins with {begins}: it must be {' '.join(COLUMNS)} [split]{hint}.")


def header(path: Path) -> list[str]:
    """Names of a list's columns: its first line that isn't blank; names may stand in quotes.

    Raises:
        InputError: it can't be read as text.
    """
    try:
        with open(path, "rb") as file:
            lines = (decoded(line, path) for line in file)
            return next((row for row in csv.reader(lines, delimiter=" ") if any(row)), [])
    except (OSError, csv.Error) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{path} can't be read as a list of images ({said}): correct the path or file.") from error
