"""What has to be known of the rows that are compared.

All measures ask for the class that an image is called: what its probability loses. A row of `target: real` that is of
an image called fake says what speaks against that, so the better it is, the worse its numbers are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from advxai.answer.words import listed
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
        target: the class that an explainer explains, as in the configuration.
    """

    name: str
    kind: Kind
    method: str = ""
    baseline: str = ""
    own: tuple[str, ...] = ()
    target: str = "predicted"

    @property
    def compared(self) -> bool:
        """It is an explainer of what the measures ask for: why an image is called what it is. (The likeliest fake class
        is the predicted one, of whatever is called fake.)"""
        return self.kind == "explainer" and self.target != "real"


def circular(row: Row, column: Column) -> bool:
    """As of `advxai.metrics.columns.circular`."""
    return made_from_it(row.method, row.baseline, column)


def pairs(groups: Iterable[Sequence[str]], rows: Iterable[Row]) -> list[tuple[str, str]]:
    """The planned comparisons: each explainer with the adversarial filling against its twin without.

    Args:
        groups: explainers that differ in their baseline alone.
        rows: all rows; those of the real class are compared with none.

    Returns:
        (with, without); without: the group's first explainer whose filling is neither adversarial nor the counterpart.
    """
    known = list(rows)
    fillings, compared = {row.name: row.baseline for row in known}, explainers(known)
    found = []
    for whole in groups:
        group = [name for name in whole if name in compared]
        plain = [name for name in group if fillings[name] not in ("adversarial", "counterpart")]
        found += [(name, plain[0]) for name in group if plain and fillings[name] == "adversarial"]
    return found


def rows_of(config: Config) -> list[Row]:
    """The rows of a run's tables."""
    found = []
    for name, entry in config.explainers.items():
        target = getattr(entry, "target", "predicted")
        found.append(Row(name, entry.kind, entry.method, entry.filling, tuple(config.own(name)), target))
    return found


def explainers(rows: Iterable[Row]) -> list[str]:
    """Names of the explainers that are compared, in their order."""
    return [row.name for row in rows if row.compared]


def not_compared(rows: Iterable[Row]) -> str:
    """The sentence on the explainers that aren't compared; "": all are."""
    names = [row.name for row in rows if row.kind == "explainer" and not row.compared]
    if not names:
        return ""
    one = len(names) == 1
    return (
        f"{listed(names)} explain{'s' if one else ''} the real class (target: real), which no measure here asks for: "
        f"{'it is' if one else 'they are'} compared with no other row."
    )


def of_kind(rows: Iterable[Row], kind: Kind) -> list[str]:
    """Names of the rows of a kind, in their order."""
    return [row.name for row in rows if row.kind == kind]
