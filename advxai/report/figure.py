"""Figures: faces, their adversarial copies, and explainers' maps with the outline of the true mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from advxai.common.arrays import Flags, Picture
from advxai.report.axes import MASK, Legend, Shown, absent, difference, explanation, image, region
from advxai.report.nothing import blank
from advxai.report.save import save
from advxai.report.sheet import GAP, MARGIN, broken, note, note_height, sheet, side_of, squares, wrapped
from advxai.report.style import PAGE, Form

# Inches: largest side of an image, a line of its caption, room beside the rows and above them.
CELL, CAPTION, NAME, HEAD = 2.25, 0.12, 0.42, 0.42
TITLE, ROW = 9, 8  # points


@dataclass(frozen=True)
class Panel:
    """One column of a figure: one image and what was made of it.

    Attributes:
        title: heading, such as the category.
        image: (H, W, 3) RGB, uint8, or float in units of [0, 1].
        caption: what the detector says of it.
        mask: (h, w) bool, the truly manipulated region; its size may differ from the image's. None: not known.
        adversarial: like `image`, of the same size; float values may lie outside [0, 1], as the attack saw them.
        adversarial_caption: how the attack went.
        explanations: explainer -> what to draw, None: it has none of this image; the order of the first panel that has
            them is the order of the rows.
    """

    title: str
    image: Picture
    caption: str = ""
    mask: Flags | None = None
    adversarial: Picture | None = None
    adversarial_caption: str = ""
    explanations: Mapping[str, Shown | None] = field(default_factory=dict)


def _mask(axes: Axes, panel: Panel) -> None:
    if panel.mask is not None:
        region(axes, panel.mask, panel.image.shape[:2], **MASK)


def _explained(axes: Axes, panel: Panel, name: str, top: int) -> None:
    shown = panel.explanations.get(name)
    if shown is None:
        absent(axes, panel.image.shape[:2], "no map")
        return
    explanation(axes, panel.image, shown, top)
    _mask(axes, panel)


def _attacked(adversarial: Axes, changed: Axes, panel: Panel) -> None:
    if panel.adversarial is None:
        for axes in (adversarial, changed):
            absent(axes, panel.image.shape[:2], "none")
        return
    image(adversarial, panel.adversarial, panel.adversarial_caption)
    difference(changed, panel.image, panel.adversarial)


def forms_of(panels: Sequence[Panel]) -> frozenset[Form]:
    """The forms in which the maps of some panels are shown."""
    return frozenset(shown.form for panel in panels for shown in panel.explanations.values() if shown is not None)


def draw(panels: Sequence[Panel], title: str, top: int, dpi: int = 150, text: str = "") -> Figure:
    """The figure of `explainer_figure`."""
    if not panels:
        return blank(f"{title}\n{text}".rstrip(), dpi)
    attacked = any(panel.adversarial is not None for panel in panels)
    names = list(dict.fromkeys(name for panel in panels for name in panel.explanations))
    rows = {"image": 1, "adversarial\ncopy": 3, "difference": 1} if attacked else {"image": 1}
    rows |= dict.fromkeys(names, 2)
    rooms = [CAPTION * lines + 0.1 for lines in rows.values()]
    side = side_of(PAGE - NAME - GAP, len(panels), CELL)
    width = NAME + len(panels) * (side + GAP)
    forms = forms_of(panels)
    legend = Legend(forms, any(panel.mask is not None for panel in panels), top, width - NAME)
    heading = wrapped(title, width - NAME, TITLE)
    head = HEAD + heading.count("\n") * TITLE * 1.2 / 72
    under = note_height(text, width) - MARGIN if text else 0.0
    height = head + len(rows) * side + sum(rooms) + legend.height + 0.1 + under
    figure = sheet(width, height, dpi, layout=None)
    grid = squares(figure, rooms, len(panels), side, NAME, head)
    figure.suptitle(heading, fontsize=TITLE, x=NAME / width, ha="left", y=1 - 0.06 / height, va="top")
    first = len(rows) - len(names)
    for column, panel in enumerate(panels):
        image(grid[0, column], panel.image, panel.caption)
        _mask(grid[0, column], panel)
        grid[0, column].set_title(panel.title, fontsize=8, pad=3)
        if attacked:
            _attacked(grid[1, column], grid[2, column], panel)
        for row, name in enumerate(names, start=first):
            _explained(grid[row, column], panel, name, top)
    for line, name in zip(grid, rows, strict=True):
        line[0].set_ylabel(broken(name, side, ROW) if name in names else name, fontsize=ROW)
    legend.draw(figure, NAME, 0.05 + under)
    if text:
        note(figure, text)
    return figure


def explainer_figure(
    panels: Sequence[Panel], path: Path, title: str = "", top: int = 3, dpi: int = 150, text: str = ""
) -> None:
    """Publish a figure as <path>.png and <path>.pdf; the same panels give the same bytes.

    A column a panel; rows: the image, its adversarial copy and their amplified difference (if any panel has one), then
    a row an explainer.

    Args:
        panels: one a category; none where nothing is explained, which the figure then says. An explainer and its `_adv`
            version stand in adjacent rows when the panels' `explanations` name them one after the other.
        path: with either suffix or none.
        title: heading.
        top: how many segments to outline.
        dpi: resolution of the PNG, and of what the PDF holds as pixels.
        text: under the figure.
    """
    save(draw(panels, title, top, dpi, text), path)
