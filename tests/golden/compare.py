"""Comparing a stage's numbers with its golden file, and writing that file."""

import importlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent
SHOWN = 8  # differences named in a message
WIDTH = 120

Values = dict[str, Any]


class Unraised(Exception):
    """A stage's numbers have changed, its version hasn't."""


@dataclass(frozen=True)
class Near:
    """Numbers, nested at will, that may differ by relative * |golden value| or absolute, whichever is more."""

    value: Any
    relative: float = 0.0
    absolute: float = 0.0

    def rounded(self, number: float) -> float:
        """The number with digits far below what may differ, so that the file stays small."""
        if self.absolute:
            return round(number, 2 - math.floor(math.log10(self.absolute)))
        return float(f"{number:.{3 - math.floor(math.log10(self.relative))}g}")


def in_order(items: Sequence[Mapping[str, Any]], records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A stage's records in the order of its items: which is finished first says nothing of its numbers."""
    places = {(item["key"], item.get("mask")): place for place, item in enumerate(items)}
    return sorted(records, key=lambda record: places[record["key"], record.get("mask")])


def values_of(stage: str) -> Callable[[], Values]:
    """What computes a stage's numbers."""
    return importlib.import_module(f"tests.golden.{stage}").values


def problem(stage: str, version: int, compute: Callable[[], Values], folder: Path) -> str | None:
    """What is wrong with a stage's golden file; None: nothing.

    Args:
        stage: its name.
        version: the stage's present one.
        compute: makes the stage's present numbers; not called for a file of another version.
        folder: holds `<stage>.json`.
    """
    golden = _read(stage, folder)
    if golden is None or golden["version"] != version:
        return f"write the golden values anew: `python -m tests.golden {stage}`"
    return _changed(stage, golden, compute())


def write(stage: str, version: int, compute: Callable[[], Values], folder: Path) -> bool:
    """Write a stage's golden file; False: it holds these numbers already.

    Raises:
        Unraised: the file has this version and other numbers.
    """
    golden, made = _read(stage, folder), compute()
    if golden is not None and golden["version"] == version:
        changed = _changed(stage, golden, made)
        if changed:
            raise Unraised(changed)
        return False  # kept, for another machine's last digits are no news
    text = _pretty({"version": version, "values": plain(made)})
    (folder / f"{stage}.json").write_text(text + "\n")
    return True


def _read(stage: str, folder: Path) -> dict[str, Any] | None:
    path = folder / f"{stage}.json"
    return json.loads(path.read_text()) if path.exists() else None


def _changed(stage: str, golden: dict[str, Any], made: Values) -> str | None:
    found = list(differences(golden["values"], made))
    if not found:
        return None
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    head = (
        f"the numbers of {stage} have changed: raise VERSIONS['{stage}'] in advxai/run/digests/base.py, "
        f"then run `python -m tests.golden {stage}`"
    )
    return "\n  ".join([head, *found[:SHOWN], *more])


def differences(golden: Any, made: Any, where: str = "", relative: float = 0.0, absolute: float = 0.0) -> Iterator[str]:
    """Where made values leave their golden ones, one line each; without `Near` around them values must be equal."""
    if isinstance(made, Near):
        yield from differences(golden, made.value, where, made.relative, made.absolute)
        return
    if isinstance(made, np.ndarray | np.generic):
        made = made.tolist()
    if isinstance(golden, dict) and isinstance(made, dict):
        for name in dict.fromkeys([*golden, *made]):
            place = f"{where}.{name}".lstrip(".")
            if name not in golden or name not in made:
                yield f"{place}: {'not' if name in golden else 'only'} among the values made now"
            else:
                yield from differences(golden[name], made[name], place, relative, absolute)
    elif isinstance(golden, list) and isinstance(made, list | tuple) and len(golden) == len(made):
        for index, (old, new) in enumerate(zip(golden, made, strict=True)):
            yield from differences(old, new, f"{where}[{index}]", relative, absolute)
    elif _number(golden) and _number(made):
        if not (golden == made or math.isclose(made, golden, rel_tol=0, abs_tol=max(relative * abs(golden), absolute))):
            allowed = f" (allowed: {relative:g} relative, {absolute:g} absolute)" if relative or absolute else ""
            yield f"{where}: {golden} was, {made} is{allowed}"
    elif type(golden) is not type(made) or golden != made:
        yield f"{where}: {golden} was, {made} is"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain(made: Any, near: Near | None = None) -> Any:
    """Values as JSON has them, without `Near`."""
    if isinstance(made, Near):
        return plain(made.value, made)
    if isinstance(made, np.ndarray | np.generic):
        return plain(made.tolist(), near)
    if isinstance(made, dict):
        return {name: plain(value, near) for name, value in made.items()}
    if isinstance(made, list | tuple):
        return [plain(value, near) for value in made]
    return near.rounded(made) if near and isinstance(made, float) else made


def _pretty(value: Any, indent: int = 0) -> str:
    """JSON with what fits into a line on one line."""
    flat = json.dumps(value, allow_nan=False)
    if not isinstance(value, dict | list) or len(flat) + indent < WIDTH - 20:
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        inner = [f"{pad}{json.dumps(name)}: {_pretty(part, indent + 1)}" for name, part in value.items()]
        return "\n".join(["{", ",\n".join(inner), " " * indent + "}"])
    if all(not isinstance(part, dict | list) for part in value):
        lines, line = [], ""
        for part in map(json.dumps, value):
            if line and len(pad + line) + len(part) + 3 > WIDTH:
                lines.append(line)
                line = ""
            line += f"{', ' if line else ''}{part}"
        inner = [pad + one for one in [*lines, line]]
    else:
        inner = [pad + _pretty(part, indent + 1) for part in value]
    return "\n".join(["[", ",\n".join(inner), " " * indent + "]"])
