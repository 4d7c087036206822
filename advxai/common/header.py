"""The header of a list of images, read alike by planning and by who reads the list."""

import csv
from pathlib import Path

from advxai.common.errors import InputError
from advxai.common.text import decoded


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
