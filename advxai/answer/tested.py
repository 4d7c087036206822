"""The tests as a table for people."""

from collections.abc import Iterable, Sequence
from math import isnan
from typing import Any

import pandas as pd

from advxai.answer.cells import heading
from advxai.answer.comparisons import CONFIRMATORY, shown, sign
from advxai.answer.rows import Row, not_compared, of_kind
from advxai.answer.words import more
from advxai.common.rows import rows as lines_of
from advxai.common.types import Record
from advxai.metrics.columns import Column, named
from advxai.statistics import LEAST
from advxai.tables.layout import Table

CAPTION = (
    "Paired comparisons on the images that both rows have. First the planned (confirmatory) ones, adjusted for their "
    "number (Holm); all below a heading are exploratory and not adjusted."
)
UNPLANNED = (
    "Paired comparisons on the images that both rows have. None of them was planned: all are exploratory, not adjusted."
)
NONE = "Paired comparisons: there is none to make."
PAIRS = "exploratory: the same pairs by other measures"
CONTROLS = "exploratory: each explainer against the control of its segmentation that it beats least"
NOTE = (
    "Difference: the first less the second, with its 95 % interval over {unit}; p: two-sided permutation test by "
    "{unit}. Better: which of the two the test shows to be better at .05. More {unit}: how many are lacking to show a "
    "difference of this size with 80 % power; as likely as not the number lies in that range. An explainer beats the "
    "controls if it beats the one that is shown; all of them are in tests.parquet."
)
FEW = "Below {least} {unit} there is neither an interval nor a test: what is seen holds for these images alone."
CIRCULAR = "\N{DAGGER} One of the two is made from what the column asks for: the difference says nothing."


def strength(line: Record, column: Column) -> tuple[float, float]:
    """How strongly a test speaks for a: from 1 to -1 if it speaks for b, and then by the difference."""
    evidence = 0.0 if isnan(line["p"]) else 1 - line["p"]
    return sign(line, column) * evidence, sign(line, column) * abs(line["difference"]) if line["n"] else 0.0


def weakest(lines: Sequence[Record], column: Column) -> Record:
    """Of tests of one explainer against controls: the one that speaks for it least."""
    return min(lines, key=lambda line: strength(line, column))


def against_controls(tests: pd.DataFrame, rows: Sequence[Row]) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """(explainer, column, category) -> its tests against controls."""
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for line in lines_of(tests[tests["b"].isin(of_kind(rows, "control"))]):
        found.setdefault((line["a"], line["column"], line["category"]), []).append(line)
    return found


def tests_table(tests: pd.DataFrame, columns: Iterable[Column], rows: Sequence[Row], unit: str = "people") -> Table:
    """The table `tests`.

    Args:
        tests: of `advxai.answer.comparisons`; the tidy form has all of it.
        columns: those that were tested, among others.
        rows: all rows.
        unit: what a cluster is, in the plural.
    """
    of = named(columns)
    pairs = lines_of(tests[~tests["b"].isin(of_kind(rows, "control"))])
    planned = [line for line in pairs if line["family"] == CONFIRMATORY]
    other = [line for line in pairs if line["family"] != CONFIRMATORY]
    controls = [weakest(part, of[key[1]]) for key, part in against_controls(tests, rows).items()]
    shown_lines = [*planned, *other, *controls]
    wide = pd.DataFrame([_line(line, of[line["column"]], unit) for line in shown_lines], columns=_names(unit))
    if wide["p"].isna().all():  # too few: a test has nothing to say
        wide = wide.drop(columns=["p", "p (Holm)", "better", f"more {unit}"])
    rules = {}
    if other and planned:
        rules[len(planned) - 1] = PAIRS
    if controls and pairs:
        rules[len(pairs) - 1] = CONTROLS
    flagged = frozenset((place, "difference") for place, line in enumerate(shown_lines) if line["circular"])
    notes = [NOTE.format(unit=unit)] if "p" in wide else []
    if len(tests) and tests["clusters"].min() < LEAST:
        notes.append(FEW.format(least=LEAST, unit=unit))
    return Table(
        CAPTION if planned else UNPLANNED if shown_lines else NONE,
        tests,
        wide,
        intervals={"difference": ("low", "high")},
        decimals={"p": 4, "p (Holm)": 4} if "p" in wide else {},
        flagged=flagged,
        rules=rules,
        notes=tuple(filter(None, [*notes, CIRCULAR if flagged else "", not_compared(rows)])),
    )


def _names(unit: str) -> list[str]:
    return [
        "comparison", "measure", "difference", "low", "high", "p", "p (Holm)", "better", "n", unit, f"more {unit}"
    ]  # fmt: skip


def _line(line: Record, column: Column, unit: str) -> dict[str, Any]:
    verdict = shown(line, column)
    return {
        "comparison": f"{line['a']} \N{MINUS SIGN} {line['b']}",
        "measure": heading(column, line["category"]),
        "difference": line["difference"],
        "low": line["low"],
        "high": line["high"],
        "p": line["p"],
        "p (Holm)": line["p_holm"],
        "better": {1: line["a"], -1: line["b"], 0: ""}[verdict],
        "n": line["n"],
        unit: line["clusters"],
        f"more {unit}": more(line["more_low"], line["more_high"]),
    }
