"""The tables of the measures besides the segment attacks: `metrics`, a line an explainer; `localisation`, a line an
explainer and category."""

import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from advxai.common.rows import rows as lines_of
from advxai.metrics.columns import Column, arrowed, circular
from advxai.tables.compute import Axes, short
from advxai.tables.layout import CIRCULAR, Table, between


def _heading(column: Column) -> str:
    return arrowed(column, column.title)


def means(measured: pd.DataFrame, columns: Iterable[Column], by: Sequence[str]) -> pd.DataFrame:
    """Mean of each column.

    Args:
        measured: rows of the stage metrics.
        columns: those wanted.
        by: explainer, or explainer and category.

    Returns:
        `by`, column, n (images with a value), missing (without one), value (NaN where n = 0).
    """
    names = [column.name for column in columns]
    groups = measured[measured["column"].isin(names)].groupby([*by, "column"], sort=False)["value"]
    found = groups.agg(n="count", rows="size", value=lambda part: _mean(part.dropna()))
    found.insert(1, "missing", found.pop("rows") - found["n"])
    counted: pd.DataFrame = found.reset_index()
    return counted


def _mean(values: "pd.Series[float]") -> float:
    return math.fsum(values) / len(values) if len(values) else math.nan


def reasons(measured: pd.DataFrame, columns: Sequence[Column], unit: str = "image") -> tuple[str, ...]:
    """Notes of what is missing and why: a line a reason that holds for some explainer's images, or clips."""
    said = measured[(measured["reason"] != "") & measured["column"].isin([column.name for column in columns])]
    found = []
    for reason, part in said.groupby("reason", sort=True):
        counts = part.groupby(["explainer", "column"])["key"].nunique()
        images = span(list(counts)) + f" {unit}{'' if counts.max() == 1 else 's'}"
        who = "" if part["explainer"].nunique() > 3 else f" ({', '.join(part['explainer'].unique())})"
        of = ", ".join(dict.fromkeys(title for title in _groups(part["column"].unique(), columns)))
        found.append(f"No value of {of}{who}: {images}, {reason}.")
    return tuple(found)


def _groups(names: Iterable[str], columns: Sequence[Column]) -> list[str]:
    """Titles without what follows the comma: `restoration`, `IoU of top-1`."""
    titles = {column.name: column.title for column in columns}
    return [titles[name].split(",")[0] for name in names]


def metrics_table(measured: pd.DataFrame, columns: Iterable[Column], axes: Axes) -> Table:
    """A line an explainer: every column that has a mean over categories.

    Args:
        measured: rows of the stage metrics.
        columns: of the measures.
        axes: the table's rows.
    """
    return _table(
        "What is measured of explanations besides the segment attacks: means over images. Restoration: the original's "
        "pixels put into whole segments by rank, of images called fake; fall and flips after so many segments, with "
        "the area that they take. Arrows: which end is better.",
        measured,
        [column for column in columns if not column.by_category],
        axes,
        {(name,): name for name in axes.explainers},
    )


def localisation_table(measured: pd.DataFrame, columns: Iterable[Column], axes: Axes) -> Table:
    """A line an explainer and category: every column that has no mean over categories. Arguments as above."""
    return _table(
        "By category: agreement of maps with the manipulated region, with the true mask, and with the derived one "
        "(where the image differs from its counterpart). Pixel AUC, relevance rank and IoU are less what chance gives. "
        "There is no mean over categories: a mask means something else in each.",
        measured,
        [column for column in columns if column.by_category],
        axes,
        {(name, category): f"{name}, {short(category)}" for name in axes.explainers for category in axes.ordered},
    )


def _table(
    caption: str, measured: pd.DataFrame, columns: Sequence[Column], axes: Axes, lines: Mapping[tuple[str, ...], str]
) -> Table:
    """A table of means.

    Args:
        caption: of the table.
        measured: rows of the stage metrics.
        columns: those that are shown.
        axes: what the explainers are.
        lines: explainer, or explainer and category -> what stands before the line.
    """
    by = ["explainer", "category"][: len(next(iter(lines), ("",)))]
    tidy = means(measured, columns, by)
    of = {(*(line[name] for name in by), line["column"]): line for line in lines_of(tidy)}
    wide = []
    for place, title in lines.items():
        found = [of.get((*place, column.name)) for column in columns]
        counts = [int(line["n"]) for line in found if line is not None]
        values = [math.nan if line is None else line["value"] for line in found]
        wide.append({"explainer": title, "n": span(counts), **dict(zip(map(_heading, columns), values, strict=True))})
    names = [place[0] for place in lines]
    flagged = _circular(axes, names, columns)
    return Table(
        caption,
        tidy,
        pd.DataFrame(wide, columns=["explainer", "n", *map(_heading, columns)]),
        rules=between([axes.kind(name) for name in names]),
        flagged=flagged,
        notes=(*reasons(measured, columns), *((CIRCULAR,) if flagged else ())),
    )


def _circular(axes: Axes, rows: Sequence[str], columns: Sequence[Column]) -> frozenset[tuple[int, str]]:
    """Cells of rows that are made from what the column asks for."""
    return frozenset(
        (line, _heading(column))
        for line, row in enumerate(rows)
        for column in columns
        if row in axes.made and circular(*axes.made[row], column)
    )


def span(counts: Sequence[int]) -> str:
    """Numbers of images (or clips) that a line's values are of: 24, or 21 to 24."""
    if not counts:
        return "0"
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def measured_tables(measured: pd.DataFrame, columns: Sequence[Column], axes: Axes) -> dict[str, Table]:
    """Both, by their names."""
    return {
        "metrics": metrics_table(measured, columns, axes),
        "localisation": localisation_table(measured, columns, axes),
    }
