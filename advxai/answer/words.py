"""Sentences, and how numbers, lists and counts stand in them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

TESTS, SCORECARD, AGREEMENT = "tables/tests", "tables/scorecard", "figures/agreement"
ONE = {"people": "person", "images": "image"}  # the others lose their s


@dataclass(frozen=True)
class Sentence:
    """One sentence of the answer.

    Attributes:
        text: it.
        link: the table or figure that it comes from: `tables/tests`, `tables/scorecard`, `figures/agreement`.
    """

    text: str
    link: str


def number(value: float, decimals: int = 2) -> str:
    """0.12, with a real minus and never minus zero."""
    return f"{value:z.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def interval(value: float, low: float, high: float) -> str:
    """0.12 [0.08, 0.16]; the value alone where there is no interval."""
    return number(value) + ("" if math.isnan(low) else f" [{number(low)}, {number(high)}]")


def probability(p: float) -> str:
    """p < 0.001, p = 0.012, p = 0.31."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.{3 if p < 0.1 else 2}f}"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def some(count: float, noun: str) -> str:
    """1 person, 3 people, 1,200 images.

    Args:
        count: a whole number.
        noun: in the plural.
    """
    return f"{count:,.0f} {ONE.get(noun, noun.removesuffix('s')) if count == 1 else noun}"


def spread(counts: Iterable[float], noun: str) -> str:
    """140 images, or 138 to 140 images."""
    least, most = min(found := list(counts)), max(found)
    return some(most, noun) if least == most else f"{least:,.0f} to {some(most, noun)}"


def counted(lines: pd.DataFrame, unit: str) -> str:
    """Of how many images and clusters: 138 to 140 images of 70 people.

    Args:
        lines: with n and clusters.
        unit: what a cluster is, in the plural.
    """
    return f"{spread(lines['n'], 'images')} of {spread(lines['clusters'], unit)}"


def more(low: float, high: float) -> str:
    """How many clusters are lacking: 40 to 300, up to 30, at least 40; "" where none is.

    Args:
        low, high: of `advxai.answer.comparisons.tests`.
    """
    if high == 0 or math.isinf(low):
        return "" if high == 0 else "no number"
    if not math.isfinite(high):  # NaN: as many that there can be a test, and who knows how many more
        return f"at least {low:,.0f}"
    if low == high:
        return f"{low:,.0f}"
    return f"{low:,.0f} to {high:,.0f}" if low else f"up to {high:,.0f}"
