"""The plan's table: a line a stage, 100 columns, or more for rows with long names."""

from collections.abc import Callable, Sequence

from advxai.common.sizes import human
from advxai.plan.count import Row

WIDTH = 100  # of the plan's text
# The second column's units are under its title where it is wide enough: beside a stage's name, not beside a row's
COLUMNS = (
    ("stage", 29), ("all", 9), ("found", 8), ("forwards", 12), ("at most", 12), ("disk", 10), ("time", 10),
    ("at most", 10),
)  # fmt: skip
NAMES = 40  # columns of the first one at most
KEY = "?: not known. +?: what the rows with ? take comes on top."
TITLES = {"training": "detector, training", "detector": "detector, metrics"}


def number(value: float) -> str:
    """With thousands' commas; from ten millions on in millions."""
    if value < 10_000_000:
        return f"{value:,.0f}"
    return f"{value / 1e6:,.1f} M" if value < 999.95e6 else f"{value / 1e6:,.0f} M"


def duration(seconds: float) -> str:
    """An estimate in the unit that a person would choose: s, min, h or days."""
    if seconds < 1:
        return "<1 s"
    if seconds < 99.5:
        return f"~{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"~{seconds / 60:.0f} min"
    return f"~{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"~{seconds / 86400:.1f} d"


def size(number_of_bytes: float) -> str:
    """An estimate."""
    return "<1 kB" if number_of_bytes < 1000 else f"~{human(number_of_bytes)}"


def _line(cells: Sequence[str], wide: int = COLUMNS[0][1]) -> str:
    """A line whose first column has `wide` characters, of which its second may use what is left."""
    first, items, *others = cells
    if len(first) > wide:  # names that begin alike differ at their ends
        first = f"{first[: wide - 11]}…{first[-10:]}"
    left = wide + COLUMNS[1][1] - len(first)
    shown = (f" {cell}".rjust(width) for cell, (_, width) in zip(others, COLUMNS[2:], strict=True))
    return (first + f" {items}".rjust(left) + "".join(shown)).rstrip()


def _cells(row: Row, exact: bool) -> list[str]:
    def shown(value: float | None, text: str) -> str:
        return "?" if value is None else text if value else "-"

    listed = "" if exact or row.unit == "videos" else "~"
    certain = "" if exact and row.forwards == row.most else "~"
    timeless = row.stage in ("corpus", "frames") or not row.missing
    times = ("-" if timeless else shown(value, duration(value or 0)) for value in (row.seconds, row.longest))
    return [
        f"{listed}{number(row.items)}" + ("" if row.name else f" {row.unit}"),
        number(row.found),
        shown(row.forwards, certain + number(row.forwards or 0)),
        shown(row.most, number(row.most or 0)),
        shown(row.bytes or 0, size(row.bytes or 0)),
        *times,
    ]


def table(found: Sequence[Row], exact: bool) -> list[str]:
    """A line a row, explainers under their stage and its unit, the total, and what a question mark means, if there is
    one; the first column is as wide as the longest name, up to NAMES.

    Args:
        found: as of `count.rows`.
        exact: the images are listed; else every number of them is an estimate.
    """
    named = [f"  {row.name}" if row.name else TITLES.get(row.stage, row.stage) for row in found]
    wide = max(COLUMNS[0][1], min(NAMES, max(map(len, named), default=0)))
    rule = "-" * (wide + sum(width for _, width in COLUMNS[1:]))
    lines = [_line([name for name, _ in COLUMNS], wide), rule]
    last = ""
    for name, row in zip(named, found, strict=True):
        if row.name and row.stage != last:
            lines.append(_line([row.stage, row.unit, *[""] * len(COLUMNS[2:])], wide))
        last = row.stage
        lines.append(_line([name, *_cells(row, exact)], wide))
    lines += [rule, _line(["total", "", "", *totals(found, exact)], wide)]
    return [*lines, KEY] if any("?" in line for line in lines) else lines


def totals(found: Sequence[Row], exact: bool) -> list[str]:
    """Forwards, at most, bytes, time, at most: of what is missing of these rows; arguments as of `table`."""
    missing = [row for row in found if row.missing]

    def total(name: str, text: Callable[[float], str], rests_on: str = "") -> str:
        known = [value for row in missing if (value := getattr(row, name)) is not None]
        more = "+?" if rests_on and any(getattr(row, rests_on) is None for row in missing) else ""
        untimed = rests_on and any(row.forwards and getattr(row, name) is None for row in missing)
        return f"{text(sum(known))}{more}" if sum(known) else "?" if more or untimed else "-"

    certain = "" if exact and all(row.forwards == row.most for row in found) else "~"
    return [
        total("forwards", lambda value: certain + number(value), "forwards"),
        total("most", number, "most"),
        total("bytes", size),
        total("seconds", duration, "forwards"),
        total("longest", duration, "most"),
    ]
