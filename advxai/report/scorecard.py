"""Figure of the scorecard: every row's value in every headline column, with its interval."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes as Panel
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from advxai.answer.rows import Row
from advxai.common.rows import rows as lines_of
from advxai.config.white import WHITE
from advxai.metrics.columns import Column, named
from advxai.report.save import save
from advxai.report.sheet import broken, note, note_height, sheet, wrapped
from advxai.report.style import (
    CEILING,
    CHANCE,
    CONTROL,
    CONTROLS_RANGE,
    EXPLAINER,
    EXPLAINER_ADV,
    PAGE,
    SIZE,
    SMALL,
    WHITE_BOX,
    Style,
)
from advxai.statistics import LEAST
from advxai.tables.write import DAGGER

ACROSS = 5  # panels side by side
ROW, GAP = 0.155, 0.6  # inches a row; rows between kinds
NAMES = 1.1  # inches
ONE_LINE, LABELS = 6, 4  # labels of the legend that fit into one line; in each of two lines
TIE = "\N{WORD JOINER}"  # between a heading and its arrow, which stay in one line
TEXT = "Means and shares{intervals}; arrows: which values are better."
INTERVALS = " with 95 % intervals"
FILLED = "Filled: the best explainer of a column and those that can't be told from it (max-T, exploratory)."
BAND = "Grey band: from the lowest control to the highest."
FLAG = f"{DAGGER} Made from what the column asks for: says nothing of the others."
FEW = f"Without interval: of fewer than {LEAST} people (or videos, where people are not known)."


def style_of(row: Row) -> Style:
    """How a row's mark is drawn, but for its filling."""
    if row.kind == "control":
        return CONTROL
    if row.kind == "ceiling":
        return CEILING
    filling = EXPLAINER_ADV if row.baseline == "adversarial" else EXPLAINER
    return filling | WHITE_BOX if row.method in WHITE else filling


def text_of(table: pd.DataFrame) -> str:
    """What stands under the figure."""
    parts = [TEXT.format(intervals=INTERVALS if table["low"].notna().any() else "")]
    parts += [FILLED] if table["best"].any() else []
    parts += [BAND] if table["kind"].eq("control").any() else []
    parts += [FLAG] if (table["circular"] & table["value"].notna()).any() else []
    parts += [FEW] if (table["low"].isna() & table["value"].notna()).any() else []
    return " ".join(parts)


def heights(kinds: Sequence[str], lines: Sequence[int]) -> tuple[list[float], float]:
    """Where each row stands, from above, and where they end; a gap where the kind changes.

    Args:
        kinds: of the rows.
        lines: how many each row's name takes.
    """
    found, end = [], 0.0
    for place, (kind, tall) in enumerate(zip(kinds, lines, strict=True)):
        end += GAP if place and kinds[place - 1] != kind else 0
        found.append(end + tall / 2)
        end += tall
    return found, end


def draw(table: pd.DataFrame, columns: Iterable[Column], rows: Sequence[Row], text: str = "", dpi: int = 150) -> Figure:
    """The figure of `scorecard_figure`."""
    there = set(table["explainer"])
    rows = [row for row in rows if row.name in there]
    heads = list(dict.fromkeys(table["heading"]))
    deep = math.ceil(len(heads) / ACROSS)
    across = math.ceil(len(heads) / deep) if heads else 1
    names = [broken(row.name, NAMES, SIZE) for row in rows]
    at, end = heights([row.kind for row in rows], [name.count("\n") + 1 for name in names])
    height = max(ROW * end, 2 * ROW) + 0.55
    text = f"{text_of(table)}\n{text}".rstrip()
    of = named(columns)
    handles = _legend(table, rows, any(of[name].chance is not None for name in table["column"]))
    two = len(handles) > ONE_LINE
    figure = sheet(PAGE, max(deep, 1) * height + (0.45 if two else 0.3) + note_height(text, PAGE), dpi)
    note(figure, text)
    if not heads:
        return figure
    grid = figure.subplots(deep, across, squeeze=False, sharey=True)
    width = (PAGE - NAMES) / across - 0.15
    for panel, head in zip(grid.flat, heads, strict=False):
        part = table[table["heading"] == head]
        _panel(panel, part, rows, at, of[part["column"].iloc[0]])
        title = wrapped(TIE.join(head.rsplit(" ", 1)), width, SIZE).replace(TIE, " ")
        panel.set_title(title, fontsize=SIZE, loc="left", pad=3)
    for panel in grid.flat[len(heads) :]:
        panel.set_visible(False)
    for first in grid[:, 0]:
        first.set_yticks(at, names, fontsize=SIZE)
    grid[0, 0].set_ylim(end, 0)
    figure.legend(
        handles=handles, loc="outside upper left", ncols=LABELS if two else 2 * LABELS, fontsize=SMALL,
        frameon=False, borderpad=0.1, handletextpad=0.3, columnspacing=1.1,
    )  # fmt: skip
    return figure


def _panel(panel: Panel, part: pd.DataFrame, rows: Sequence[Row], at: Sequence[float], column: Column) -> None:
    """One headline column."""
    controls = part[part["kind"].eq("control")]["value"].dropna()
    if len(controls):
        panel.axvspan(controls.min(), controls.max(), zorder=0, **CONTROLS_RANGE)
    if column.chance is not None:
        panel.axvline(column.chance, zorder=1, **CHANCE)
    lines = {line["explainer"]: line for line in lines_of(part)}
    for row, y in zip(rows, at, strict=True):
        line = lines.get(row.name)
        if line is None or math.isnan(line["value"]):
            continue
        style = style_of(row)
        if not math.isnan(line["low"]):
            panel.plot([line["low"], line["high"]], [y, y], color=style["color"], lw=1, solid_capstyle="butt", zorder=2)
        filling = {} if row.kind == "control" else {"mfc": style["color"] if line["best"] else "white"}
        panel.plot(line["value"], y, ls="", mew=0.9, clip_on=False, zorder=3, **style | filling)
        if line["circular"]:
            right = line["value"] if math.isnan(line["high"]) else line["high"]
            panel.annotate(DAGGER, (right, y), (4, 0), textcoords="offset points", fontsize=SIZE, va="center")
    for (above, upper), (below, lower) in pairwise(zip(rows, at, strict=True)):
        if above.kind != below.kind:
            panel.axhline((upper + lower) / 2, color="0.75", lw=0.6, zorder=1)
    panel.margins(x=0.08)
    panel.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
    panel.grid(axis="x", color="0.92", lw=0.5)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=SMALL, length=2, pad=1.5)
    panel.tick_params(axis="y", length=0)
    panel.spines[["top", "right", "left"]].set_visible(False)


def _legend(table: pd.DataFrame, rows: Sequence[Row], chance: bool) -> list[Line2D | Patch]:
    """What marks mean, of those that are there."""

    def mark(label: str, style: Style, filled: bool) -> Line2D:
        filling = {"mfc": style["color"] if filled else "white"}
        return Line2D([], [], ls="", mew=0.9, label=label, **style | filling)

    kinds = {row.kind for row in rows}
    there = {(row.method in WHITE, row.baseline == "adversarial") for row in rows if row.kind == "explainer"}
    known = {
        (False, False): ("explainer", EXPLAINER),
        (False, True): ("with adversarial filling", EXPLAINER_ADV),
        (True, False): ("white box", EXPLAINER | WHITE_BOX),
        (True, True): ("white box, adversarial filling", EXPLAINER_ADV | WHITE_BOX),
    }
    found: list[Line2D | Patch] = [mark(*known[which], False) for which in known if which in there]
    found += [mark("may be the best", EXPLAINER | {"color": "0.2"}, True)] if table["best"].any() else []
    found += [mark("control", CONTROL, True)] if "control" in kinds else []
    found += [mark("ceiling", CEILING, False)] if "ceiling" in kinds else []
    if chance:
        found.append(Line2D([], [], label="chance", **CHANCE))
    return found


def scorecard_figure(
    table: pd.DataFrame, columns: Iterable[Column], rows: Sequence[Row], path: Path, text: str = "", dpi: int = 150
) -> None:
    """Publish the figure as <path>.png and <path>.pdf; the same input gives the same bytes.

    A panel a headline column (and category, where the column has no mean over them), a line an explainer, control or
    ceiling.

    Args:
        table: of `advxai.answer.scorecard`, in its tidy form.
        columns: those of the table, among others.
        rows: all rows, in the order in which they are shown.
        path: with either suffix or none.
        text: under the figure, after what the marks mean.
        dpi: resolution of the PNG.
    """
    save(draw(table, columns, rows, text, dpi), path)
