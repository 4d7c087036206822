"""An empty figure, squares for pictures in it, and the note under it."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from advxai.common.files import printable
from advxai.report.fonts import families
from advxai.report.style import SMALL, Style

HINTED = 1.06  # text in a PNG is up to so many times as wide as in a PDF (measured, from 60 dots an inch on)
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # where a word begins in IntegratedGradients
SHORT = 20  # letters of a word that fits into every line
MARGIN, GAP = 0.08, 0.06  # inches beside a note, and between pictures


class Sheet(Figure):
    """A figure whose texts are drawn as they are, in whatever script: names of files and classes may hold `$`, which
    matplotlib takes for formulas, and letters that its font lacks. None of our own texts is a formula."""

    def draw(self, renderer: RendererBase) -> None:
        for text in self.findobj(Text):
            if isinstance(text, Text):  # as the stubs don't say
                _literal(text)
        with rc_context({"text.parse_math": False}), _without_warnings():  # ticks are made while drawing
            super().draw(renderer)


def _literal(text: Text) -> None:
    text.set_parse_math(False)
    said = text.get_text()
    if not said.isascii() or not said.isprintable():
        text.set_text("\n".join(map(printable, said.split("\n"))))
        text.set_fontfamily(families(text.get_text()))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Of letters that no font has `families` tells."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph ", UserWarning)
        yield


def sheet(width: float, height: float, dpi: int, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """A figure of so many inches, which no window shows."""
    figure = Sheet(figsize=(width, height), dpi=dpi, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def squares(
    figure: Figure, rooms: Sequence[float], columns: int, side: float, left: float, top: float, gap: float = GAP
) -> NDArray[np.object_]:
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


def text_width(text: str, size: float) -> float:
    """Inches that a line of text takes at most."""
    text = printable(text)
    font = FontProperties(family=families(text), size=size)
    with _without_warnings():
        points: float = text_to_path.get_text_width_height_descent(text, font, False)[0]
    return HINTED * points / 72


def _lines(parts: Iterable[str], width: float, size: float) -> list[str]:
    """Parts of a text, set one after the other, in as few lines of `width` inches as they fit into."""
    lines = [""]
    for part in parts:
        if lines[-1] and text_width((lines[-1] + part).rstrip(), size) > width:
            lines.append("")
        lines[-1] += part
    return [line.rstrip() for line in lines]


def wrapped(text: str, width: float, size: float = SMALL) -> str:
    """Paragraphs of text, broken into lines of at most `width` inches; a word that is longer is broken too."""
    return "\n".join(
        line
        for paragraph in text.split("\n")
        for line in _lines((part for word in paragraph.split() for part in _parts(word, width, size)), width, size)
    )


def _parts(word: str, width: float, size: float) -> list[str]:
    """A word as what a line may end after."""
    if len(word) < SHORT or text_width(word, size) <= width:
        return [f"{word} "]
    *whole, last = _lines(word, width, size)
    return [*whole, f"{last} "]


def broken(name: str, width: float, size: float = SMALL) -> str:
    """A row's name in as many lines as it takes in `width` inches, broken after underscores and, in a part that is
    longer, before capitals."""
    parts: list[str] = []
    for part in name.replace("_", "_\n").split("\n"):
        parts += [part] if text_width(part, size) <= width else CAPITAL.split(part)
    return "\n".join(_lines(parts, width, size))


def note_height(text: str, width: float) -> float:
    """Inches that a note of `note` takes, its margin included."""
    return (wrapped(text, width - 2 * MARGIN).count("\n") + 1) * SMALL * 1.2 / 72 + 2 * MARGIN


def note(figure: Figure, text: str) -> None:
    """A note along the lower edge; a constrained layout makes room for it."""
    width, height = figure.get_size_inches()
    lines = wrapped(text, width - 2 * MARGIN)
    place: Style = {"ha": "left", "va": "bottom", "fontsize": SMALL, "linespacing": 1.2}
    if figure.get_layout_engine() is None:
        figure.text(MARGIN / width, MARGIN / height, lines, **place)
    else:
        figure.supxlabel(lines, x=MARGIN / width, **place)
