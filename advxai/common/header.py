"""The header of a list of images, read alike by planning and by who reads the list."""

import csv
from pathlib import Path

from advxai.common.errors import InputError


def header(path: Path) -> list[str]:
    """Names of a list's columns: its first line that isn't blank; names may stand in quotes.

    Raises:
        InputError: it can't be read as text.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return next((row for row in csv.reader(file, delimiter=" ") if any(row)), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(f"{path} can't be read as a list of images ({said}): correct the path or file.") from error
