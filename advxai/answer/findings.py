"""What the tests and estimates say, as the sentences ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Any

import pandas as pd

from advxai.answer.cells import title
from advxai.answer.comparisons import CONFIRMATORY, Best, headline, shown, sign
from advxai.answer.rows import PRIMARY, Row, circular, of_kind
from advxai.common.rows import rows as lines_of
from advxai.metrics.columns import Column, named
from advxai.statistics import LEAST
from advxai.tables.compute import ALL

Place = tuple[str, str]  # column, category
PLANNED: Place = (PRIMARY, ALL)
Line = dict[str, Any]  # of the tests or the estimates


@dataclass(frozen=True)
class Findings:
    """Everything that was computed of the headline columns.

    Attributes:
        estimates, tests: of `advxai.answer`.
        best: of `advxai.answer.comparisons`.
        columns: of the scores.
        rows: all rows.
    """

    estimates: pd.DataFrame
    tests: pd.DataFrame
    best: Best
    columns: Sequence[Column]
    rows: Sequence[Row]

    @cached_property
    def of(self) -> dict[str, Column]:
        """The columns by which something can be better."""
        return named(headline(self.columns))

    def title(self, place: Place) -> str:
        """As part of a sentence: `sufficiency (top-3)` for `sufficiency, top-3`."""
        column = named(self.columns).get(place[0])
        name, comma, details = title(column, place[1]).partition(", ") if column else (place[0], "", "")
        return f"{name} ({details})" if comma else name

    @cached_property
    def values(self) -> dict[Place, list[Line]]:
        """Estimates of the explainers that are compared, have one and aren't circular there, the best first."""
        by_name = {row.name: row for row in self.rows}
        found: dict[Place, list[Line]] = {}
        for line in lines_of(self.estimates[self.estimates["column"].isin(list(self.of)) & self.estimates["n"].gt(0)]):
            row, column = by_name[line["explainer"]], self.of[line["column"]]
            if row.compared and not circular(row, column):
                found.setdefault((column.name, line["category"]), []).append(line)
        for place, lines in found.items():
            lines.sort(key=lambda line: line["value"], reverse=self.of[place[0]].better == "higher")
        return found

    def clusters(self, place: Place) -> int:
        """How many the explainers have been seen on."""
        return max((line["clusters"] for line in self.values.get(place, ())), default=0)

    @cached_property
    def evidence(self) -> Place | None:
        """What is said first: the planned column, unless another one alone can be tested, or has any value."""
        places = [PLANNED, *self.values]
        testable = [place for place in places if self.clusters(place) >= LEAST]
        known = testable or [place for place in places if self.clusters(place)]
        return known[0] if known else None

    @cached_property
    def pairs(self) -> list[Line]:
        """Tests of an explainer against its twin, the planned ones first."""
        sound = self.tests[~self.tests["circular"] & ~self.tests["b"].isin(of_kind(self.rows, "control"))]
        return lines_of(sound)

    @cached_property
    def planned(self) -> list[Line]:
        return [line for line in self.pairs if line["family"] == CONFIRMATORY and not isnan(line["p"])]

    @cached_property
    def unmade(self) -> list[Line]:
        """Planned comparisons without a test: too few people, or nobody, have values of both."""
        return [line for line in self.pairs if line["family"] == CONFIRMATORY and isnan(line["p"])]

    @cached_property
    def other_pairs(self) -> list[Line]:
        """The same pairs by other measures, where there was a test."""
        return [line for line in self.pairs if line["family"] != CONFIRMATORY and not isnan(line["p"])]

    @cached_property
    def controls(self) -> dict[Place, dict[str, list[Line]]]:
        """Tests against controls, by explainer."""
        sound = self.tests[~self.tests["circular"] & self.tests["b"].isin(of_kind(self.rows, "control"))]
        found: dict[Place, dict[str, list[Line]]] = {}
        for line in lines_of(sound):
            found.setdefault((line["column"], line["category"]), {}).setdefault(line["a"], []).append(line)
        return found

    def shown(self, line: Line) -> int:
        """1: a is better, -1: b is, 0: nothing is shown."""
        return shown(line, self.of[line["column"]])

    def ahead(self, line: Line) -> int:
        """As `shown`, of what was seen, whether or not a test shows it."""
        return sign(line, self.of[line["column"]])
