"""What is measured of an explanation, as data: one column a number that an image gets."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

# Of the segment attacks and of restoration: what changes with each number of segments.
SEGMENTS = ("the segmentation", "the number of segments")
ATTACKS = (*SEGMENTS, "NES's budget", "the family of the attack, which made the adversarial filling too")
ARROWS = {"higher": "\N{UPWARDS ARROW}", "lower": "\N{DOWNWARDS ARROW}", None: ""}


@dataclass(frozen=True)
class Column:
    """A number that each image gets of an explanation.

    Attributes:
        name: of the column in rows and tables.
        title: a short heading.
        better: which end is better; None: neither, it describes.
        kind: whether an image's value is a number or a share that is 0 or 1 (of several draws: their mean).
        low, high: its range.
        chance: what a ranking without knowledge gets on average; None: that depends on the image.
        by_category: it means something else for each manipulation, so there is no mean over categories.
        reference: where it comes from.
        sensitive: settings that change it, in words.
        headline: it stands in the scorecard.
        needs: what an image must have: `counterpart`, `mask`, `difference`.
    """

    name: str
    title: str
    better: Literal["higher", "lower"] | None
    kind: Literal["mean", "share"] = "mean"
    low: float = 0.0
    high: float = 1.0
    chance: float | None = None
    by_category: bool = False
    reference: str = ""
    sensitive: tuple[str, ...] = ()
    headline: bool = False
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raises ValueError: the numbers can't be of such a column."""
        own = f"the column {self.name}"
        if self.better not in ARROWS:
            raise ValueError(f"{own}: better is {self.better!r}; it may be 'higher', 'lower' or None")
        if self.kind not in ("mean", "share"):
            raise ValueError(f"{own}: kind is {self.kind!r}; it may be 'mean' or 'share'")
        if not self.low < self.high:
            raise ValueError(f"{own}: low is {self.low}, which isn't below high, {self.high}")
        if self.kind == "share" and (self.low, self.high) != (0, 1):
            raise ValueError(f"{own}: a share's range is 0 to 1, not {self.low} to {self.high}")
        if self.chance is not None and not self.low <= self.chance <= self.high:
            raise ValueError(f"{own}: chance is {self.chance}, which isn't from {self.low} to {self.high}")


def arrowed(column: Column, title: str) -> str:
    """A heading with an arrow that says which values of the column are better."""
    return f"{title} {ARROWS[column.better]}".rstrip()


def named(columns: Iterable[Column]) -> dict[str, Column]:
    """Columns by their names.

    Raises:
        ValueError: two have the same name.
    """
    found: dict[str, Column] = {}
    for column in columns:
        if column.name in found:
            raise ValueError(f"two columns are named {column.name}")
        found[column.name] = column
    return found


def circular(method: str, baseline: str, column: Column) -> bool:
    """A row of this method and baseline is made from what the column asks for: its value says nothing of other rows.

    The oracles are the mask and the difference to the counterpart; whoever fills in with the counterpart has seen where
    it differs.
    """
    if method == "oracle_mask":
        return "mask" in column.needs
    return (method == "oracle_difference" or baseline == "counterpart") and bool(
        column.needs & {"counterpart", "difference"}
    )


def attack_columns(top: int) -> list[Column]:
    """What the segment attacks say of an explanation (paper, section 4.2)."""
    found = []
    for k in range(1, top + 1):
        paper = partial(Column, reference="the paper, section 4.2", sensitive=ATTACKS)
        found += [
            paper(f"accuracy_{k}", f"accuracy, top-{k}", "lower", "share", headline=k == top),
            paper(f"sufficiency_{k}", f"sufficiency, top-{k}", "higher", "mean", low=-1.0, headline=k == top),
            paper(f"flip_{k}", f"flips, top-{k}", "higher", "share"),
        ]
    return found
