"""An empty figure, squares for pictures in it, and the note under it."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from advxai.report.style import SMALL

LETTER = 0.53  # mean width of a letter, as a share of the font's size
MARGIN, GAP = 0.08, 0.06  # inches beside a note, and between pictures


def sheet(width: float, height: float, dpi: int, layout: str | None = "constrained") -> Figure:
    """A figure of so many inches, which no window shows."""
    figure = Figure(figsize=(width, height), dpi=dpi, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def squares(
    figure: Figure, rooms: Sequence[float], columns: int, side: float, left: float, top: float, gap: float = GAP
) -> np.ndarray:
    """Square axes in rows and columns, without ticks and frames.

    Args:
        figure: without a layout of its own.
        rooms: inches under each row.
        columns: how many.
        side: of an axes, in inches.
        left, top: inches from the figure's upper left corner to the first axes.
        gap: inches between columns.

    Returns:
        (rows, columns) of axes.
    """
    width, height = figure.get_size_inches()
    grid = np.empty((len(rooms), columns), object)
    for row, room in enumerate(rooms):
        top += side
        for column in range(columns):
            x, y = left + column * (side + gap), height - top
            grid[row, column] = figure.add_axes((x / width, y / height, side / width, side / height))
            grid[row, column].set(xticks=[], yticks=[])
            grid[row, column].spines[:].set_visible(False)
        top += room
    return grid


def side_of(width: float, columns: int, largest: float, gap: float = GAP) -> float:
    """Side of so many squares beside each other in `width` inches, at most `largest`."""
    return min(largest, (width - (columns - 1) * gap) / columns)


def wrapped(text: str, width: float, size: float = SMALL) -> str:
    """Paragraphs of text, broken into lines that fit into `width` inches."""
    letters = max(1, int(width * 72 / (LETTER * size)))
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, letters))


def broken(name: str, width: float, size: float = SMALL) -> str:
    """A row's name in as many lines as it takes in `width` inches, broken after underscores."""
    letters = max(1, int(width * 72 / (LETTER * size)))
    lines = [""]
    for part in name.replace("_", "_\n").split("\n"):
        if lines[-1] and len(lines[-1]) + len(part) > letters:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def note_height(text: str, width: float) -> float:
    """Inches that a note of `note` takes, its margin included."""
    return (wrapped(text, width - 2 * MARGIN).count("\n") + 1) * SMALL * 1.2 / 72 + 2 * MARGIN


def note(figure: Figure, text: str) -> None:
    """A note along the lower edge; a constrained layout makes room for it."""
    width, height = figure.get_size_inches()
    lines = wrapped(text, width - 2 * MARGIN)
    place = {"ha": "left", "va": "bottom", "fontsize": SMALL, "linespacing": 1.2}
    if figure.get_layout_engine() is None:
        figure.text(MARGIN / width, MARGIN / height, lines, **place)
    else:
        figure.supxlabel(lines, x=MARGIN / width, **place)
