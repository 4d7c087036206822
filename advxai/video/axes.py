"""What the tables of clips have in common: their rows and columns, and how parts of a whole stand in them."""

from collections.abc import Sequence

import pandas as pd

from advxai.answer.rows import Row, not_compared
from advxai.common.classes import Classes
from advxai.config import Config
from advxai.tables.compute import Axes
from advxai.video.population import Population
from advxai.video.read import Found


def axes_of(config: Config, found: Found, classes: Classes) -> Axes:
    """What the tables' rows and columns are."""
    entries = config.video.explainers
    fakes = of_keys(found.clips, Population.of(found).fakes)
    return Axes(
        config.video.ordered,
        sorted(set(fakes["category"])),
        config.video.top,
        classes,
        {name: entry.kind for name, entry in entries.items()},
        {name: (entry.method, entry.filling) for name, entry in entries.items()},
        frozenset(name for name, entry in entries.items() if getattr(entry, "target", "") == "real"),
    )


def of_keys(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The rows of these clips."""
    return rows[rows["key"].isin(list(keys))]


def of_real(config: Config) -> tuple[str, ...]:
    """A note on rows of another class than that which is attacked and restored."""
    entries = config.video.of_kind("explainer")
    said = not_compared(Row(name, "explainer", target=entry.target) for name, entry in entries.items())
    return (said,) if said else ()


def part(count: float, n: int) -> str:
    """3/7; of several draws perhaps 2.4/7; "" of none."""
    return f"{round(count, 1):g}/{n}" if n else ""
