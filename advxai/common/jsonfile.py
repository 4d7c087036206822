"""JSON files that somebody may have cut short, edited or exchanged."""

import json
from pathlib import Path
from typing import Any

from advxai.common.errors import reading


def read_object(path: Path, remedy: str, kind: str = "") -> dict[str, Any]:
    """An object, that is, names and values.

    Args:
        path, remedy, kind: as of `advxai.common.errors.reading`.

    Raises:
        InputError: it can't be read, or is something else.
    """
    with reading(path, remedy, kind):
        content: dict[str, Any] = _of(dict, path)
    return content


def read_list(path: Path, remedy: str, kind: str = "") -> list[dict[str, Any]]:
    """A list of objects; arguments and errors as of `read_object`."""
    with reading(path, remedy, kind):
        content: list[dict[str, Any]] = _of(list, path)
        if not all(isinstance(one, dict) for one in content):
            raise ValueError("it is no list of objects")
    return content


def _of(kind: type, path: Path) -> Any:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, kind):
        raise ValueError(f"it holds no {'object' if kind is dict else 'list'}")
    return content
