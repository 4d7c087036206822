"""A run's tables as what the page's template shows."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advxai.common.rows import columns
from advxai.detector.shown import cells, described, shown_levels
from advxai.tables.compute import ORIGINAL
from advxai.tables.layout import Table
from advxai.tables.write import DAGGER, as_text, marks

NUMBERS = {3: "three", 4: "four", 5: "five", 6: "six"}
MARKS = {1: "best", 2: "second"}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: as in the Markdown table.
        value: what sorting goes by: a number, or the text.
        mark: "best", "second" or "".
    """

    text: str
    value: float | str
    mark: str = ""


@dataclass(frozen=True)
class Shown:
    """A table on the page.

    Attributes:
        name: of its files in tables/; the page's anchor.
        caption, notes: as under the Markdown table.
        columns: headings.
        lines: cells of each line.
        rules: line -> what the lines below it are, with a rule between; sorting keeps to the lines between two rules.
        pinned: lines that stay on top when it is sorted (Original).
        sortable: whether sorting makes sense: lines that belong together stay together.
    """

    name: str
    caption: str
    columns: list[str]
    lines: list[list[Cell]]
    rules: Mapping[int, str]
    pinned: int
    sortable: bool
    notes: list[str]


def number_in(text: str) -> float | str:
    """The number that a cell begins with, such as 3 of 3/4, 24 of 24 (6, 6), 0.1 of 0.1 [0.0, 0.2]; else its text."""
    first = re.split(r"/| [(\[]", text.replace(",", "").rstrip(DAGGER))[0]
    try:
        number = float(first)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def shown(name: str, table: Table, note: str = "") -> Shown:
    """A table of `advxai.tables.layout` as the page shows it.

    Args:
        name: of its files.
        table: the table.
        note: a line under it.
    """
    text, marked = as_text(table), marks(table)
    lines = [
        [
            Cell(text[column][row], number_in(text[column][row]), MARKS.get(marked.get((row, column), 0), ""))
            for column in columns(text)
        ]
        for row in text.index
    ]
    pinned = sum(line[0].text == ORIGINAL for line in lines)
    notes = [one for one in (*table.notes, note) if one]
    # lines under each other that belong together: published, ours, difference
    together = name.startswith("published_") and any(", ours" in line[0].text for line in lines)
    return Shown(name, table.caption, columns(text), lines, table.rules, pinned, not together, notes)


def tested(metrics: Mapping[str, Any]) -> list[list[str]]:
    """Lines of real against fake: level, how many real and fake ones, and `advxai.detector.shown.MEASURES`.

    Args:
        metrics: of detector/metrics.json.
    """
    return [[described(metrics, level), *cells(metrics, level)] for level in shown_levels(metrics)]


def per_class(metrics: Mapping[str, Any], names: Sequence[str], categories: Sequence[str]) -> list[list[str]]:
    """Lines of the detector's metrics: level, class, images, accuracy, AUROC, F1, average precision.

    Args:
        metrics: of detector/metrics.json.
        names: of the classes.
        categories: manipulations, in the order of their lines. Where there is one class of fakes, or none of their
            name, they have lines of their own: the share that is called fake, and the AUROC against the genuine images;
            and where there are genuine ones, what is measured of these and the category's together.
    """

    def line(level: str, name: str, n: object, values: Mapping[str, Any]) -> list[str]:
        numbers = (values.get(key) for key in ("accuracy", "auroc", "f1", "average_precision"))
        return [level, name, str(n), *("" if number is None else f"{number:.3f}" for number in numbers)]

    def against(level: str, name: str, values: Mapping[str, Any]) -> list[str]:
        return line(level, name, values["n"], {"accuracy": values["called_fake"], "auroc": values["auroc"]})

    lines = []
    for level in shown_levels(metrics):
        part = metrics[level]
        lines.append(line(level, "fake or real", part["n"], part["real_vs_fake"]))
        if len(names) > 2:
            mean = f"{NUMBERS.get(len(names), len(names))} classes (mean over classes)"
            lines.append(line(level, mean, part["n"], part["overall"]))
        found = ((name, part["per_class"][name]) for name in names)
        lines += [line(level, name, values["n"], values) for name, values in found if values["n"]]
        for name in categories:
            if (len(names) == 2 or name not in names) and name in part["per_category"]:
                own = part["per_category"][name]
                lines.append(against(level, f"{name}: share called fake", own))
                if own["real"]:
                    lines.append(line(level, f"{name} vs real", own["real"] + own["fake"], own))
    for name, values in metrics["unseen"].items():
        lines.append(against("frame", f"{name}, not counted above: share called fake", values))
    return lines
