"""What has to be known of the rows that are compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from advxai.config import Config
from advxai.metrics.columns import Column
from advxai.metrics.columns import circular as made_from_it

Kind = Literal["explainer", "control", "ceiling"]
PRIMARY = "restoration"  # the column of the confirmatory tests


@dataclass(frozen=True)
class Row:
    """An explainer, a control or a ceiling.

    Attributes:
        name: as in the scores.
        kind: explainers are compared; controls never see the detector; ceilings know the answer.
        method: as in the configuration.
        baseline: kind of what it fills in with; "" if nothing.
        own: names of the controls and ceilings of the same segmentation.
    """

    name: str
    kind: Kind
    method: str = ""
    baseline: str = ""
    own: tuple[str, ...] = ()


def circular(row: Row, column: Column) -> bool:
    """As of `advxai.metrics.columns.circular`."""
    return made_from_it(row.method, row.baseline, column)


def pairs(groups: Iterable[Sequence[str]], rows: Iterable[Row]) -> list[tuple[str, str]]:
    """The planned comparisons: each explainer with the adversarial filling against its twin without.

    Args:
        groups: explainers that differ in their baseline alone.
        rows: all rows.

    Returns:
        (with, without); without: the group's first explainer whose filling is neither adversarial nor the counterpart.
    """
    fillings = {row.name: row.baseline for row in rows}
    found = []
    for group in groups:
        plain = [name for name in group if fillings[name] not in ("adversarial", "counterpart")]
        found += [(name, plain[0]) for name in group if plain and fillings[name] == "adversarial"]
    return found


def rows_of(config: Config) -> list[Row]:
    """The rows of a run's tables."""
    found = []
    for name, entry in config.explainers.items():
        found.append(Row(name, entry.kind, entry.method, entry.filling, tuple(config.own(name))))
    return found


def of_kind(rows: Iterable[Row], kind: Kind) -> list[str]:
    """Names of the rows of a kind, in their order."""
    return [row.name for row in rows if row.kind == kind]
