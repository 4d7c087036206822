"""The plan's table: a line a stage, at most 100 columns."""

from collections.abc import Callable, Sequence

from advxai.common.sizes import human
from advxai.plan.count import Row

WIDTH = 100  # of the plan's text
COLUMNS = (
    ("stage", 19), ("all", 17), ("found", 10), ("forwards", 12), ("at most", 12), ("disk", 10), ("time", 10),
    ("at most", 10),
)  # fmt: skip
RULE = "-" * sum(width for _, width in COLUMNS)
TITLES = {"training": "detector, training", "detector": "detector, metrics"}


def number(value: float) -> str:
    """With thousands' commas; from ten millions on in millions."""
    return f"{value:,.0f}" if value < 10_000_000 else f"{value / 1e6:,.1f} M"


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


def _line(cells: Sequence[str]) -> str:
    first, *others = cells
    widths = [width for _, width in COLUMNS]
    if len(first) > widths[0]:  # names that begin alike differ at their ends
        first = f"{first[: widths[0] - 11]}…{first[-10:]}"
    shown = (f" {cell}".rjust(width) for cell, width in zip(others, widths[1:], strict=True))
    return (first.ljust(widths[0]) + "".join(shown)).rstrip()


def _cells(row: Row, exact: bool) -> list[str]:
    def shown(value: float | None, text: str) -> str:
        return "?" if value is None else text if value else "-"

    listed = "" if exact or row.unit == "videos" else "~"
    certain = "" if exact and row.forwards == row.most else "~"
    timeless = row.stage in ("corpus", "frames") or not row.missing
    times = ("-" if timeless else shown(value, duration(value or 0)) for value in (row.seconds, row.longest))
    return [
        f"{listed}{number(row.items)} {row.unit}",
        number(row.found),
        shown(row.forwards, certain + number(row.forwards or 0)),
        shown(row.most, number(row.most or 0)),
        shown(row.bytes or 0, size(row.bytes or 0)),
        *times,
    ]


def table(found: Sequence[Row], exact: bool) -> list[str]:
    """A line a row, explainers under their stage, and the total.

    Args:
        found: as of `count.rows`.
        exact: the images are listed; else every number of them is an estimate.
    """
    lines = [_line([name for name, _ in COLUMNS]), RULE]
    last = ""
    for row in found:
        if row.name and row.stage != last:
            lines.append(row.stage)
        last = row.stage
        lines.append(_line([f"  {row.name}" if row.name else TITLES.get(row.stage, row.stage), *_cells(row, exact)]))
    return [*lines, RULE, _line(["total", "", "", *totals(found, exact)])]


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
