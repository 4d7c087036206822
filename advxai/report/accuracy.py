"""Figure of the detector's accuracy against the number of attacked segments (paper, figure 4)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes as Panel
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from advxai.common.rows import videos_of
from advxai.report.interval import shares
from advxai.report.nothing import blank
from advxai.report.save import save
from advxai.report.sheet import broken, note, note_height, sheet
from advxai.report.style import BAND, PAGE, PUBLISHED, SIZE, SMALL, Style, line_styles
from advxai.tables.compute import ALL, ORIGINAL, Axes, check
from advxai.tables.published import ACCURACY, ORIGINAL_ACCURACY, TOP

ACROSS = 5  # methods side by side
ROW = 0.86  # inches
LINE: Style = {"lw": 1.1, "ms": 2.8}
TEXT = (
    "Share of images that the detector gives their true class after NES attacks on their top-k segments; k = 0: the "
    "clean images, all of them. Bands: Wilson intervals (95%), widened where frames of a video resemble each other."
)


@dataclass(frozen=True)
class Lines:
    """What the figure shows.

    Attributes:
        axes: explainers, categories and largest k.
        groups: explainers that differ in their baseline, each group a column.
        baselines: explainer -> kind of its baseline.
        readings: explainer -> row of the paper that it reads; empty: nothing published is shown.
        note: of the run's budgets.
    """

    axes: Axes
    groups: Sequence[Sequence[str]]
    baselines: Mapping[str, str]
    readings: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def accuracy_shares(rows: pd.DataFrame, clean: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    """The accuracies of the paper's table 1 with their intervals.

    Args:
        rows: evaluation rows of all explainers; those of images that an explainer leaves out don't count.
        clean: of `advxai.tables.compute.clean_predictions`.
        axes: explainers, categories and largest k.

    Returns:
        Columns of `advxai.report.interval.shares`, by explainer (Original with k = 0), category (and `all`) and k.
    """
    check(rows, axes)
    used = rows[rows["included"]]
    attacked = used[["explainer", "category", "k", "key"]].assign(
        right=axes.classes.right(used["predicted_after"], used["label"])
    )
    original = clean[["category", "key"]].assign(
        explainer=ORIGINAL, k=0, right=axes.classes.right(clean["predicted"], clean["label"])
    )
    images = pd.concat([original, attacked], ignore_index=True)
    images["right"] = images["right"].astype("int64")
    images["video"] = videos_of(images["key"])
    both = pd.concat([images, images.assign(category=ALL)], ignore_index=True)
    return shares(both, ["explainer", "category", "k"])


def draw(found: pd.DataFrame, lines: Lines, dpi: int = 150) -> Figure:
    """The figure of `accuracy_figure`."""
    columns = lines.axes.columns
    across = math.ceil(len(lines.groups) / math.ceil(len(lines.groups) / ACROSS))  # lines of methods of one length
    blocks = [lines.groups[start : start + across] for start in range(0, len(lines.groups), across)]
    members = max(len(group) for group in lines.groups)
    text = TEXT + (" Hollow: published (paper, table 1)." if lines.readings else "")
    text = f"{text}\n{lines.note}".rstrip()
    if found.empty:
        return blank(text, dpi)
    height = len(blocks) * (len(columns) * ROW + 0.5 + 0.14 * members) + note_height(text, PAGE)
    figure = sheet(PAGE, height, dpi)
    note(figure, text)
    parts = figure.subfigures(len(blocks), 1, squeeze=False)[:, 0]
    for part, groups in zip(parts, blocks, strict=True):
        grid = part.subplots(len(columns), across, squeeze=False, sharex=True, sharey=True)
        part.supylabel("accuracy of the detector", fontsize=SIZE)
        for column, group in enumerate(groups):
            _column(grid[:, column], group, found, lines, (PAGE - 1) / max(across, 3) - 0.4)
        for column in range(len(groups), across):
            for panel in grid[:, column]:
                panel.set_visible(False)
        for panel, category in zip(grid[:, 0], columns, strict=True):
            counts = found[(found["explainer"] == ORIGINAL) & (found["category"] == category)]["n"]
            panel.set_ylabel(f"{category}\nn = {int(counts.sum()):,}", fontsize=SIZE)
    return figure


def _column(panels: Sequence[Panel], group: Sequence[str], found: pd.DataFrame, lines: Lines, width: float) -> None:
    """One method: a panel a category. `width`: inches for a name in the legend."""
    axes = lines.axes
    styles = line_styles({name: lines.baselines[name] for name in group})
    for panel, category in zip(panels, axes.columns, strict=True):
        mine = found[found["category"] == category].sort_values("k")
        original = mine[mine["explainer"] == ORIGINAL]
        for name in group:
            curve = pd.concat([original, mine[mine["explainer"] == name]])
            if len(curve):  # an empty one would upset the layout
                _curve(panel, curve, styles[name])
            row = lines.readings.get(name)
            if row is not None and category in ORIGINAL_ACCURACY:
                panel.plot(*_published(row, category, axes.top), **styles[name] | PUBLISHED)
        counts = mine[mine["explainer"].isin(group)]["n"]
        if len(counts) and len(original) and (counts != int(original["n"].iloc[0])).any():
            fewest, most = int(counts.min()), int(counts.max())
            text = f"n = {most:,}" if fewest == most else f"n = {fewest:,} to {most:,}"
            panel.text(0.03, 0.05, text, transform=panel.transAxes, fontsize=SMALL, color="0.25")
        panel.set(xlim=(-0.15, axes.top + 0.15), ylim=(-0.03, 1.03), xticks=range(axes.top + 1), yticks=[0, 0.5, 1])
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panel.tick_params(labelsize=SMALL, length=2, pad=1.5)
        panel.grid(axis="y", color="0.9", lw=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    handles = [Line2D([], [], label=broken(name, width), **LINE, **styles[name]) for name in group]
    panels[0].legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.05, 1.02), fontsize=SMALL, frameon=False,
        handlelength=2.6, borderpad=0, borderaxespad=0.2, labelspacing=0.25, handletextpad=0.5,
    )  # fmt: skip
    panels[-1].set_xlabel("attacked segments k", fontsize=SIZE)


def _curve(panel: Panel, curve: pd.DataFrame, style: Style) -> None:
    k, low, high = curve["k"].to_numpy(), curve["low"].to_numpy(), curve["high"].to_numpy()
    panel.fill_between(k, low, high, color=style["color"], alpha=BAND, lw=0)
    for end in (low, high):
        panel.plot(k, end, color=style["color"], ls=style["ls"], lw=0.4, alpha=0.6)
    panel.plot(k, curve["value"], clip_on=False, zorder=3, **LINE, **style)


def _published(row: str, category: str, top: int) -> tuple[list[int], NDArray[np.float64]]:
    """Numbers of segments, and accuracies, that the paper gives."""
    ks = [k for k in (0, *TOP) if k <= top]
    values = (ORIGINAL_ACCURACY[category], *getattr(ACCURACY[row], category))
    return ks, np.array(values[: len(ks)])


def accuracy_figure(found: pd.DataFrame, lines: Lines, path: Path, dpi: int = 150) -> None:
    """Publish the figure as <path>.png and <path>.pdf; the same input gives the same bytes.

    A column a method, a row a category and one for all; an explainer and its version with the adversarial baseline are
    in one panel.

    Args:
        found: of `accuracy_shares`.
        lines: what is shown.
        path: with either suffix or none.
        dpi: resolution of the PNG.
    """
    save(draw(found, lines, dpi), path)
