"""Figure of how well measures agree on the order of the explainers."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from advxai.answer.words import number
from advxai.common.rows import columns
from advxai.report.save import save
from advxai.report.sheet import note, note_height, sheet, text_width, wrapped
from advxai.report.style import AGREEMENT_COLOURS, COLUMN, PAGE, SIZE, SMALL

CELL, NARROW = 0.42, 0.31  # inches: largest side of a cell, and the side from which on a number has two decimals
DARK = 0.65  # absolute tau from which on its colour is dark
NAMES, EDGE = 1.3, 0.06  # inches: largest width of a measure's name, and what is left free around
SAME, NONE = (0.9, 0.9, 0.9, 1.0), (1.0, 1.0, 1.0, 1.0)  # a measure with itself, and where tau isn't defined
TEXT = (
    "Kendall's tau-b between the orders in which two measures put the explainers, better ones first: 1 (blue), the "
    "same order; 0, neither; \N{MINUS SIGN}1 (red), the reverse. Blank: not defined, as where all explainers have the "
    "same value. Few explainers make few pairs: a tau by itself shows little."
)


def draw(taus: pd.DataFrame, text: str = "", dpi: int = 150) -> Figure:
    """The figure of `agreement_figure`."""
    labels = [wrapped(name, NAMES, SIZE) for name in columns(taus)]
    names = max((text_width(line, SIZE) for label in labels for line in label.split("\n")), default=0) + 2 * EDGE
    count = len(labels)
    cell = min(CELL, (PAGE - names - EDGE) / max(count, 1))
    side = count * cell
    width = max(COLUMN, names + side + EDGE)
    text = f"{TEXT}\n{text}".rstrip()
    height = EDGE + side + names + note_height(text, width)
    figure = sheet(width, height, dpi, layout=None)
    note(figure, text)
    if not count:
        return figure
    axes = figure.add_axes((names / width, (height - EDGE - side) / height, side / width, side / height))
    values = taus.to_numpy(dtype=np.float64)
    faces = colormaps[AGREEMENT_COLOURS]((values + 1) / 2)
    faces[np.isnan(values)] = NONE
    faces[np.arange(count), np.arange(count)] = SAME
    axes.imshow(faces, aspect="auto")
    for row, column in np.ndindex(values.shape):
        tau = float(values[row, column])
        if row != column and not math.isnan(tau):
            colour = "white" if abs(tau) > DARK else "black"
            shown = number(tau, 2 if cell >= NARROW else 1)
            axes.text(column, row, shown, color=colour, fontsize=SMALL, ha="center", va="center")
    axes.set_xticks(range(count), labels, fontsize=SIZE, rotation=90)
    axes.set_yticks(range(count), labels, fontsize=SIZE)
    axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", lw=0.5)
    axes.tick_params(which="both", length=0, pad=2)
    axes.spines[:].set_visible(False)
    return figure


def agreement_figure(taus: pd.DataFrame, path: Path, text: str = "", dpi: int = 150) -> None:
    """Publish the figure as <path>.png and <path>.pdf; the same input gives the same bytes.

    Args:
        taus: of `advxai.answer.agreement`.
        path: with either suffix or none.
        text: under the figure, after what the numbers mean.
        dpi: resolution of the PNG.
    """
    save(draw(taus, text, dpi), path)
