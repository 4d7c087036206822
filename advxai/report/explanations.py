"""Figure of all explainers' maps on one image of each category (paper, figure 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from advxai.common.arrays import Picture
from advxai.report.axes import MASK, Legend, absent, explanation, image, region
from advxai.report.figure import Panel, forms_of
from advxai.report.nothing import blank
from advxai.report.save import save
from advxai.report.sheet import GAP, broken, note, note_height, sheet, side_of, squares
from advxai.report.style import PAGE, SIZE

# Inches: of a page, of the names beside the rows and above the columns, of the largest picture and the smallest one.
TALL, NAME, HEAD, LARGEST, SMALLEST = 9.0, 0.95, 0.22, 1.5, 0.8
LINES = 0.6  # lines and numbers are thinner than in the figure of one method, whose pictures are larger

TEXT = (
    "One image a category, never chosen by how well an explainer did: the first that all explainers' rows include, and "
    "that is called fake, by its own class where the detector has several. Original: the same frame before the "
    "manipulation. Each method's maps are in its usual form."
)


@dataclass(frozen=True)
class Column:
    """One category.

    Attributes:
        panel: the manipulated image, its mask and the maps.
        original: (h, w, 3) uint8 or float in [0, 1], the genuine image; None: there is none.
    """

    panel: Panel
    original: Picture | None


def draw(columns: Sequence[Column], text: str, top: int, dpi: int = 150) -> Figure:
    """The figure of `explanations_figure`."""
    if not columns:
        return blank(text, dpi)
    panels = [column.panel for column in columns]
    names = list(dict.fromkeys(name for panel in panels for name in panel.explanations))
    rows = ["original", "manipulated", *names]
    side = min(max((TALL - HEAD) / len(rows) - GAP, SMALLEST), side_of(PAGE - NAME - GAP, len(columns), LARGEST))
    width = max(NAME + len(columns) * (side + GAP), PAGE / 2)
    forms = forms_of(panels)
    legend = Legend(forms, any(panel.mask is not None for panel in panels), top, width - 0.16)
    under = note_height(text, width)
    height = HEAD + len(rows) * (side + GAP) + legend.height + under + 0.08
    figure = sheet(width, height, dpi, layout=None)
    grid = squares(figure, [GAP] * len(rows), len(columns), side, NAME, HEAD)
    for line, name in zip(grid, rows, strict=True):
        line[0].set_ylabel(broken(name, NAME - 0.15, SIZE), fontsize=SIZE, rotation=0, ha="right", va="center")
    for axes, column in zip(grid.T, columns, strict=True):
        axes[0].set_title(column.panel.title, fontsize=SIZE + 1, pad=2)
        _column(axes, column, names, top)
    legend.draw(figure, 0.08, under)
    note(figure, text)
    return figure


def _column(axes: Sequence[Axes], column: Column, names: Sequence[str], top: int) -> None:
    panel = column.panel
    size = panel.image.shape[:2]
    if column.original is None:
        absent(axes[0], size, "no original")
    else:
        image(axes[0], column.original)
    image(axes[1], panel.image)
    drawn = [axes[1]]
    for one, name in zip(axes[2:], names, strict=True):
        shown = panel.explanations.get(name)
        if shown is not None:
            explanation(one, panel.image, shown, top, LINES)
            one.set_xlabel("")
            drawn.append(one)
        else:
            absent(one, size, "no map")
    if panel.mask is not None:
        for one in drawn:
            region(one, panel.mask, size, LINES, **MASK)


def explanations_figure(columns: Sequence[Column], path: Path, text: str, top: int = 3, dpi: int = 150) -> None:
    """Publish the figure as <path>.png and <path>.pdf; the same input gives the same bytes.

    Args:
        columns: one a category, none where nothing is explained; the order of the first panel's explanations is that
            of the rows.
        path: with either suffix or none.
        text: under the figure.
        top: how many segments are outlined and numbered.
        dpi: resolution of the PNG, and of what the PDF holds as pixels.
    """
    save(draw(columns, text, top, dpi), path)
