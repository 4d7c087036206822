"""Configuration files, read outside of Snakemake, and what Snakemake's reading of them doesn't notice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from advxai.common.errors import InputError
from advxai.common.text import read_text

MERGE = "tag:yaml.org,2002:merge"  # the key <<


def read(path: Path, named: str = "the path") -> dict[str, Any]:
    """A configuration file's mapping, unchecked (see `advxai.config.load`).

    Args:
        path: YAML or JSON.
        named: what to correct where the file is the wrong one.

    Raises:
        InputError: it can't be read, holds no mapping, or gives a key twice.
    """
    text = _text(path, named)
    try:
        content = yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise _unreadable(path, named, error) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: is no configuration; correct {named} or the file")
    _require_once(path, text)
    return content


def require_once(path: Path) -> None:
    """Refuse a configuration file that gives a key twice: whoever reads YAML or JSON takes the last one, in silence.

    Args:
        path: a file that Snakemake has read.

    Raises:
        InputError: it does, or can't be read; the message names the key and both lines.
    """
    text = _text(path, "--configfile")
    try:
        _require_once(path, text)
    except (RecursionError, yaml.YAMLError) as error:
        raise _unreadable(path, "--configfile", error) from error


def _text(path: Path, named: str) -> str:
    try:
        text = read_text(path)
    except OSError as error:
        raise _unreadable(path, named, error) from error
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")  # JSON may be indented by tabs, which YAML, its superset, may not


def _unreadable(path: Path, named: str, error: Exception) -> InputError:
    said = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
    return InputError(f"{path}: can't be read as YAML ({said}); correct {named} or the file")


def _require_once(path: Path, text: str) -> None:
    for place, first, second in _repeated(yaml.compose(text, Loader=yaml.SafeLoader), (), set()):
        raise InputError(
            f"{path}: {place} is given twice, in lines {first} and {second}, of which only the second would count: "
            "take one out or rename it"
        )


def _repeated(node: yaml.Node | None, place: tuple[str, ...], seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Keys that a mapping has twice: path, and the lines of both; `seen`: nodes, which aliases lead to again."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated(item, (*place, str(number)), seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            own, line = (key.tag, str(key.value)), key.start_mark.line + 1
            if own in lines and key.tag != MERGE:  # of several all count
                yield ".".join((*place, own[1])), lines[own], line
            lines[own] = line
            yield from _repeated(value, (*place, own[1]), seen)
