"""Figures: faces, their adversarial copies, and explainers' maps with the outline of the true mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from advxai.report.axes import MASK, Shown, absent, bare, difference, explanation, image, legend, region
from advxai.report.save import save

CELL, CAPTION = 2.25, 0.38  # inches: side of an image, room under it


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
        explanations: explainer -> what to draw; the order of the first panel that has them is the order of the rows.
    """

    title: str
    image: np.ndarray
    caption: str = ""
    mask: np.ndarray | None = None
    adversarial: np.ndarray | None = None
    adversarial_caption: str = ""
    explanations: Mapping[str, Shown] = field(default_factory=dict)


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


def draw(panels: Sequence[Panel], title: str, top: int, dpi: int = 150) -> Figure:
    """The figure of `explainer_figure`."""
    if not panels:
        raise ValueError("a figure needs at least one panel")
    attacked = any(panel.adversarial is not None for panel in panels)
    names = list(dict.fromkeys(name for panel in panels for name in panel.explanations))
    rows = ["original", "adversarial\ncopy", "difference"] if attacked else ["original"]
    count = len(rows) + len(names)
    width, height = len(panels) * CELL + 0.7, count * (CELL + CAPTION) + 1.2
    figure = Figure(figsize=(width, height), dpi=dpi)
    FigureCanvasAgg(figure)
    edges = {"left": 0.5 / width, "right": 0.99, "top": 1 - 0.6 / height, "bottom": 1.05 / height}
    spaces = {"wspace": 0.05, "hspace": CAPTION / CELL}
    grid = figure.subplots(count, len(panels), squeeze=False, gridspec_kw=edges | spaces)
    figure.suptitle(title, fontsize=12, y=1 - 0.12 / height, va="top")
    for column, panel in enumerate(panels):
        image(grid[0, column], panel.image, panel.caption)
        _mask(grid[0, column], panel)
        grid[0, column].set_title(panel.title, fontsize=10)
        if attacked:
            _attacked(grid[1, column], grid[2, column], panel)
        for row, name in enumerate(names, start=len(rows)):
            _explained(grid[row, column], panel, name, top)
    for line, name in zip(grid, [*rows, *names], strict=True):
        line[0].set_ylabel(name, fontsize=10)
        for axes in line:
            bare(axes)
    forms = {shown.form for panel in panels for shown in panel.explanations.values()}
    legend(figure, forms, any(panel.mask is not None for panel in panels), top, 0.65 / height)
    return figure


def explainer_figure(panels: Sequence[Panel], path: Path, title: str = "", top: int = 3, dpi: int = 150) -> None:
    """Publish a figure as <path>.png and <path>.pdf; the same panels give the same bytes.

    A column a panel; rows: the image, its adversarial copy and their amplified difference (if any panel has one), then
    a row an explainer.

    Args:
        panels: one a category. An explainer and its `_adv` version stand in adjacent rows when the panels'
            `explanations` name them one after the other.
        path: with either suffix or none.
        title: heading.
        top: how many segments to outline.
        dpi: resolution of the PNG, and of what the PDF holds as pixels.

    Raises:
        ValueError: there is no panel.
    """
    save(draw(panels, title, top, dpi), path)
