"""Which rows differ: planned and other paired tests, and the rows that may be the best.

The confirmatory family is planned before anything is seen: each explainer with the adversarial filling against its twin
without, on restoration alone, adjusted for their number (Holm). Whatever else is tested is exploratory: the same pairs
on other columns, and every explainer against each control of its segmentation. To beat the controls is to beat each of
them at .05, which needs no adjustment (an intersection-union test, Berger 1982).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import nan

import pandas as pd

from advxai.answer.cells import Cell, cells
from advxai.answer.rows import PRIMARY, Row, circular, of_kind
from advxai.common.types import Record
from advxai.metrics.columns import Column
from advxai.statistics import LEAST, Test, best_group, holm, paired, power

LEVEL = 0.05
CONFIRMATORY, EXPLORATORY = "confirmatory", "exploratory"
TESTS = {
    "family": "str",
    "column": "str",
    "category": "str",
    "a": "str",
    "b": "str",
    "n": "int64",
    "clusters": "int64",
    "difference": "float64",
    "low": "float64",
    "high": "float64",
    "p": "float64",
    "p_holm": "float64",
    "more_low": "float64",
    "more_high": "float64",
    "circular": "bool",
}
Best = Mapping[tuple[str, str], frozenset[str]]  # (column, category) -> explainers that may be the best


def headline(columns: Iterable[Column]) -> list[Column]:
    """Columns of the scorecard by which one row can be better than another."""
    return [column for column in columns if column.headline and column.better is not None]


def _planned(
    found: Sequence[Cell], rows: Sequence[Row], pairs: Sequence[tuple[str, str]]
) -> Iterator[tuple[Cell, str, str]]:
    """What is tested: (cell, a, b), the confirmatory tests first."""
    for primary in (True, False):
        for cell in found:
            if (cell.column.name == PRIMARY) == primary:
                yield from ((cell, a, b) for a, b in pairs)
    controls = of_kind(rows, "control")
    for cell in found:
        for row in rows:
            if row.compared:
                yield from ((cell, row.name, name) for name in row.own if name in controls)


def _more(test: Test, cell: Cell, a: str, b: str, alpha: float, p: float) -> tuple[float, float]:
    """How many more clusters a test would need for 80 % power: none if it has shown a difference; below `LEAST`
    clusters so many that there can be a test, and who knows how many more."""
    if test.clusters < LEAST:
        return LEAST - test.clusters, nan
    if p <= LEVEL:
        return 0, 0
    least, most = power(cell.of(a) - cell.of(b), cell.clusters, alpha)
    return max(0, least - test.clusters), max(0, most - test.clusters)


def tests(
    scores: pd.DataFrame, columns: Iterable[Column], rows: Sequence[Row], pairs: Sequence[tuple[str, str]], seed: int
) -> pd.DataFrame:
    """Paired tests on the headline columns, on the images that both rows have.

    Args:
        scores: see the package.
        columns: those of the scorecard that have a direction are tested; per category, where they have no mean.
        rows: all rows; ceilings are tested against nobody.
        pairs: of `rows.pairs`, planned.
        seed: of permutations and bootstrap.

    Returns:
        family, column, category, a, b, n (images that both have), clusters, difference (a less b), low, high, p (two-
        sided; NaN below 20 clusters), p_holm (confirmatory only), more_low, more_high (clusters that are lacking for
        80 % power at the family's first Holm level, at .05 for exploratory tests, as a range: the 50 % interval's;
        below 20 clusters those that are lacking for any test, and NaN), circular (one of the two is). The confirmatory
        tests come first, then the same pairs on other columns, then explainers against controls.
    """
    by_name = {row.name: row for row in rows}
    planned = list(_planned(list(cells(scores, headline(columns))), rows, pairs))
    made = []
    for cell, a, b in planned:
        made.append(paired(cell.of(a), cell.of(b), cell.clusters, cell.generator(seed, "paired", a, b)))
    count = len(pairs) if any(cell.column.name == PRIMARY for cell, _, _ in planned) else 0
    adjusted = [*holm([test.p for test in made[:count]]), *[nan] * (len(made) - count)]
    lines = []
    for place, ((cell, a, b), test) in enumerate(zip(planned, made, strict=True)):
        confirmatory = place < count
        alpha, p = (LEVEL / count, adjusted[place]) if confirmatory else (LEVEL, test.p)
        least, most = _more(test, cell, a, b, alpha, p)
        lines.append(
            {
                "family": CONFIRMATORY if confirmatory else EXPLORATORY,
                "column": cell.column.name,
                "category": cell.category,
                "a": a,
                "b": b,
                "n": test.n,
                "clusters": test.clusters,
                "difference": test.difference,
                "low": test.low,
                "high": test.high,
                "p": test.p,
                "p_holm": adjusted[place],
                "more_low": least,
                "more_high": most,
                "circular": circular(by_name[a], cell.column) or circular(by_name[b], cell.column),
            }
        )
    return pd.DataFrame(lines, columns=list(TESTS)).astype(TESTS)


def best(scores: pd.DataFrame, columns: Iterable[Column], rows: Iterable[Row], seed: int) -> Best:
    """Explainers that can't be told from the best one, by headline column (and category); exploratory.

    Only images that all of these explainers have count. Rows that are circular there don't take part.

    Returns:
        No entry where fewer than two explainers have values, or the images show fewer than 20 clusters.
    """
    found = {}
    for cell in cells(scores, headline(columns)):
        names = [row.name for row in rows if row.compared and not circular(row, cell.column)]
        values = cell.values[[name for name in names if name in cell.values]].dropna(axis=1, how="all")
        better = cell.column.better
        if values.shape[1] < 2 or better is None:
            continue
        group = best_group(values, cell.clusters, better, cell.generator(seed, "best"))
        if group:
            found[cell.column.name, cell.category] = frozenset(group)
    return found


def sign(line: Record, column: Column) -> int:
    """1 where a has the better value, -1 where b has it, 0 where they have the same or there is none."""
    difference = line["difference"] if column.better == "higher" else -line["difference"]
    return int(difference > 0) - int(difference < 0)


def shown(line: Record, column: Column) -> int:
    """What a test shows: 1 that a is better, -1 that b is, 0 nothing. Confirmatory tests go by Holm's p.

    Args:
        line: of `tests`.
        column: the one that was tested.
    """
    p = line["p_holm"] if line["family"] == CONFIRMATORY else line["p"]
    return sign(line, column) if p <= LEVEL else 0
