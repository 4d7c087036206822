"""The scorecard: every row in every headline column."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from advxai.answer.cells import heading
from advxai.answer.comparisons import Best
from advxai.answer.estimates import VALUE
from advxai.answer.rows import Row, circular, not_compared
from advxai.answer.words import counted
from advxai.common.rows import rows as lines_of
from advxai.metrics.columns import Column
from advxai.statistics import LEAST
from advxai.tables.layout import CIRCULAR, Table, between

CAPTION = (
    "Scorecard: explainers, controls (they never see the detector) and ceilings (they know the answer) by measure. "
    "Arrows: which values are better."
)
BRACKETS = " Brackets: 95 % intervals over {unit}."
BEST = (
    "Bold: the best explainer of a column and those that can't be told from it (max-T over {unit} at .05, exploratory)."
)
SEPARATED = " \N{MIDDLE DOT} "  # headings have commas
FEW = "Of fewer than {least} {unit} there is no interval, and nothing is marked as best."

TIDY = {
    "explainer": "str",
    "kind": "str",
    "column": "str",
    "category": "str",
    "heading": "str",
    **VALUE,
    "best": "bool",
    "circular": "bool",
}


def tidy(estimates: pd.DataFrame, columns: Iterable[Column], rows: Sequence[Row], best: Best) -> pd.DataFrame:
    """The scorecard's numbers.

    Args:
        estimates: of `advxai.answer.estimates`.
        columns: its headline columns are taken.
        rows: all rows, in the order in which they are shown.
        best: of `advxai.answer.comparisons`.

    Returns:
        explainer, kind, column, category, heading, n, clusters, value, low, high, method, best (it may be the best),
        circular; the columns in their order, the rows in theirs.
    """
    of = {column.name: column for column in columns if column.headline}
    order = {row.name: place for place, row in enumerate(rows)}
    found: list[dict[str, Any]] = []
    own = estimates[estimates["column"].isin(list(of)) & estimates["explainer"].isin(list(order))]
    for line in sorted(lines_of(own), key=lambda line: (list(of).index(line["column"]), order[line["explainer"]])):
        column, row = of[line["column"]], rows[order[line["explainer"]]]
        found.append(
            {
                "explainer": row.name,
                "kind": row.kind,
                "column": column.name,
                "category": line["category"],
                "heading": heading(column, line["category"]),
                **{name: line[name] for name in ("n", "clusters", "value", "low", "high", "method")},
                "best": row.name in best.get((column.name, line["category"]), ()),
                "circular": circular(row, column),
            }
        )
    return pd.DataFrame(found, columns=list(TIDY)).astype(TIDY)


def _images(table: pd.DataFrame, unit: str) -> str:
    """How many images each column is of."""
    texts: dict[str, list[str]] = {}
    for head, part in table.groupby("heading", sort=False):
        texts.setdefault(counted(part, unit), []).append(str(head))
    if len(texts) == 1:
        return f"Every column is of {next(iter(texts))}."
    return "; ".join(f"{text}: {SEPARATED.join(heads)}" for text, heads in texts.items()) + "."


def scorecard(
    estimates: pd.DataFrame, columns: Iterable[Column], rows: Sequence[Row], best: Best, unit: str = "people"
) -> Table:
    """The table `scorecard`: a row an explainer, control or ceiling; a column a headline column (and category).

    Args:
        estimates, columns, rows, best: see `tidy`.
        unit: what a cluster is, in the plural.
    """
    table = tidy(estimates, columns, rows, best)
    there = set(table["explainer"])
    present = [row for row in rows if row.name in there]
    place = {row.name: line for line, row in enumerate(present)}
    ends = {head: (f"{head} low", f"{head} high") for head in dict.fromkeys(table["heading"])}
    wide = pd.DataFrame({"explainer": list(place)})
    for head, (low, high) in ends.items():
        own = table[table["heading"] == head].set_index("explainer").reindex(list(place))
        for name, key in ((head, "value"), (low, "low"), (high, "high")):
            wide[name] = own[key].to_numpy(dtype="float64")
    known = table[table["n"] > 0]

    def cells_with(name: str) -> frozenset[tuple[int, str]]:
        lines = known[known[name]]
        return frozenset((place[who], head) for who, head in zip(lines["explainer"], lines["heading"], strict=True))

    marked, flagged = cells_with("best"), cells_with("circular")
    notes = [BEST.format(unit=unit)] if marked else []
    notes += [FEW.format(least=LEAST, unit=unit)] if (known["clusters"] < LEAST).any() else []
    notes += [CIRCULAR] if flagged else []
    notes += filter(None, [not_compared(present)])
    notes += [_images(known, unit)] if len(known) else []
    return Table(
        CAPTION + (BRACKETS.format(unit=unit) if table["low"].notna().any() else ""),
        table,
        wide,
        intervals=ends,
        marked=marked,
        flagged=flagged,
        rules=between([row.kind for row in present]),
        notes=tuple(notes),
    )
