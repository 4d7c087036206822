"""Figures: faces, their adversarial copies, and explainers' maps with the outline of the true mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from scipy.ndimage import distance_transform_edt

from advxai.report.save import save

MAP_COLOURS = "cividis"  # even in lightness, and the same to people who don't see red and green
MASK_COLOUR = "#FF8AD0"  # a hue off the maps' blue-to-yellow axis; dashed and with a halo, for those who don't see it
SEGMENT_COLOUR = "white"
HALO = "#101010"
CELL, CAPTION = 2.25, 0.38  # inches: side of an image, room under it


@dataclass(frozen=True)
class Shown:
    """An explanation to draw.

    Attributes:
        map: (h, w) float, larger is more important; any scale.
        segments: (h, w) integer labels.
        ranking: labels, the most important first; the first ones are outlined and numbered.
        caption: what the attack on them did (`advxai.report.captions.attack_caption`).
    """

    map: np.ndarray
    segments: np.ndarray
    ranking: np.ndarray
    caption: str = ""


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


def _unit(image: np.ndarray) -> np.ndarray:
    return image / 255.0 if image.dtype == np.uint8 else image.astype(np.float64)


def amplified(image: np.ndarray, adversarial: np.ndarray) -> tuple[np.ndarray, float]:
    """The difference of two images around mid-grey, stretched so that its largest value fills the range.

    Returns:
        (H, W, 3) float in [0, 1], and the largest absolute difference in units of 1/255.
    """
    difference = _unit(adversarial) - _unit(image)
    largest = float(np.abs(difference).max())
    return (0.5 + difference / (2 * largest) if largest else np.full_like(difference, 0.5)), largest * 255


def overlay(image: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """The map in colour over the grey image, (H, W, 3) float in [0, 1]; scaled to its own range.

    A map that is constant or has a value that isn't finite says nothing: the grey image alone is given back.
    """
    grey = np.repeat((_unit(image).clip(0, 1) @ [0.299, 0.587, 0.114])[..., None], 3, axis=2)
    low, high = float(saliency.min()), float(saliency.max())
    if not np.isfinite(low + high) or low == high:
        return grey
    rows, columns = (np.arange(size) * have // size for size, have in zip(grey.shape, saliency.shape, strict=False))
    colours = colormaps[MAP_COLOURS]((saliency[np.ix_(rows, columns)] - low) / (high - low))[..., :3]
    return 0.35 * grey + 0.65 * colours


def _outline(axes: Axes, region: np.ndarray, size: tuple[int, int], **style: Any) -> None:
    """Contour of a (h, w) bool region, stretched over an image of `size` (H, W); closed at the border."""
    if not region.any():
        return
    height, width = (have / of for have, of in zip(size, region.shape, strict=True))
    padded = np.pad(region.astype(float), 1)
    x = (np.arange(padded.shape[1]) - 0.5) * width - 0.5
    y = (np.arange(padded.shape[0]) - 0.5) * height - 0.5
    contour = axes.contour(x, y, padded, levels=[0.5], **style)
    contour.set_path_effects([withStroke(linewidth=style["linewidths"] + 1.4, foreground=HALO)])


def _mask(axes: Axes, panel: Panel) -> None:
    if panel.mask is not None:
        size = panel.image.shape[:2]
        _outline(axes, panel.mask, size, colors=MASK_COLOUR, linewidths=1.7, linestyles=[(0, (4, 1.2))])


def _segments(axes: Axes, shown: Shown, size: tuple[int, int], top: int) -> None:
    for place, label in enumerate(shown.ranking[:top], start=1):
        region = shown.segments == label
        _outline(axes, region, size, colors=SEGMENT_COLOUR, linewidths=1.1)
        # the innermost pixel: the centroid of a bent segment may lie outside it
        depth = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        height, width = (have / of for have, of in zip(size, region.shape, strict=True))
        axes.text(
            (x + 0.5) * width - 0.5,
            (y + 0.5) * height - 0.5,
            str(place),
            color=SEGMENT_COLOUR,
            fontsize=8,
            fontweight="bold",
            ha="center",
            va="center",
            path_effects=[withStroke(linewidth=2, foreground=HALO)],
        )


def _show(axes: Axes, image: np.ndarray, caption: str) -> None:
    axes.imshow(image.clip(0, 1), interpolation="nearest")
    axes.set_xlabel(caption, fontsize=7, labelpad=3)


def _absent(axes: Axes, size: tuple[int, int], text: str) -> None:
    axes.imshow(np.ones((*size, 3)))
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=8, color="0.4")


def _explained(axes: Axes, panel: Panel, name: str, top: int) -> None:
    size = panel.image.shape[:2]
    shown = panel.explanations.get(name)
    if shown is None:
        _absent(axes, size, "no map")
        return
    _show(axes, overlay(_unit(panel.image), shown.map), shown.caption)
    _mask(axes, panel)
    _segments(axes, shown, size, top)


def _adversarial(axes: Axes, panel: Panel) -> None:
    if panel.adversarial is None:
        _absent(axes, panel.image.shape[:2], "none")
        return
    _show(axes, _unit(panel.adversarial), panel.adversarial_caption)


def _difference(axes: Axes, panel: Panel) -> None:
    if panel.adversarial is None:
        _absent(axes, panel.image.shape[:2], "none")
        return
    stretched, largest = amplified(panel.image, panel.adversarial)
    gain = f", shown \N{MULTIPLICATION SIGN}{127.5 / largest:.0f}" if largest else ""
    _show(axes, stretched, f"largest {largest:.1f}/255{gain}")


def _legend(figure: Figure, masks: bool, top: int, room: float) -> None:
    """A line of explanations in the lowest `room` (share of the figure's height)."""
    handles = [Line2D([], [], color="0.35", lw=1.6, label=f"segments ranked 1 to {top}")]
    if masks:
        handles.insert(0, Line2D([], [], color=MASK_COLOUR, lw=2, ls=(0, (4, 1.2)), label="true mask"))
    left = {"loc": "center left", "bbox_to_anchor": (0.05, room / 2)}
    figure.legend(handles=handles, ncols=2, fontsize=8, frameon=False, **left)
    bar = figure.add_axes((0.66, room * 0.52, 0.28, room * 0.16))
    figure.colorbar(ScalarMappable(cmap=MAP_COLOURS), cax=bar, orientation="horizontal", ticks=[0, 1])
    bar.set_xticks([0, 1], ["least", "most important (each map by itself)"], fontsize=7)
    for label, side in zip(bar.get_xticklabels(), ("left", "right"), strict=True):
        label.set_ha(side)
    bar.tick_params(length=0)


def draw(panels: Sequence[Panel], title: str, top: int, dpi: int = 150) -> Figure:
    """The figure of `explainer_figure`."""
    if not panels:
        raise ValueError("a figure needs at least one panel")
    attacked = any(panel.adversarial is not None for panel in panels)
    names = list(dict.fromkeys(name for panel in panels for name in panel.explanations))
    rows = ["original", "adversarial\ncopy", "difference"] if attacked else ["original"]
    count = len(rows) + len(names)
    width, height = len(panels) * CELL + 0.7, count * (CELL + CAPTION) + 1.1
    figure = Figure(figsize=(width, height), dpi=dpi)
    FigureCanvasAgg(figure)
    edges = {"left": 0.5 / width, "right": 0.99, "top": 1 - 0.6 / height, "bottom": 0.95 / height}
    spaces = {"wspace": 0.05, "hspace": CAPTION / CELL}
    grid = figure.subplots(count, len(panels), squeeze=False, gridspec_kw=edges | spaces)
    figure.suptitle(title, fontsize=12, y=1 - 0.12 / height, va="top")
    for column, panel in enumerate(panels):
        _show(grid[0, column], _unit(panel.image), panel.caption)
        _mask(grid[0, column], panel)
        grid[0, column].set_title(panel.title, fontsize=10)
        if attacked:
            _adversarial(grid[1, column], panel)
            _difference(grid[2, column], panel)
        for row, name in enumerate(names, start=len(rows)):
            _explained(grid[row, column], panel, name, top)
    for line, name in zip(grid, [*rows, *names], strict=True):
        line[0].set_ylabel(name, fontsize=10)
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
    _legend(figure, any(panel.mask is not None for panel in panels), top, 0.55 / height)
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
