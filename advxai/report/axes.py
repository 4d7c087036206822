"""What one axes of a figure shows: an image, an explanation in its method's form, outlines, numbers, the legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

from advxai.report.forms import amplified, outlined, raster, unit
from advxai.report.polygons import Ring, inside, rings, scaled
from advxai.report.style import (
    HALO,
    HEAT_COLOURS,
    MASK_COLOUR,
    NEGATIVE,
    POSITIVE,
    SEGMENT_COLOUR,
    SIGNED_COLOURS,
    SIZE,
    Form,
)

DASHES = (0, (4, 1.2))
MASK: dict[str, Any] = {"edgecolor": MASK_COLOUR, "linewidth": 1.7, "linestyle": DASHES}
SEGMENT: dict[str, Any] = {"edgecolor": SEGMENT_COLOUR, "linewidth": 1.1}
FOR: dict[str, Any] = {"edgecolor": POSITIVE, "linewidth": 1.1}
AGAINST: dict[str, Any] = {"edgecolor": NEGATIVE, "linewidth": 1.1, "linestyle": DASHES}


@dataclass(frozen=True)
class Shown:
    """An explanation to draw.

    Attributes:
        map: (h, w) float, larger is more important; any scale.
        segments: (h, w) integer labels.
        ranking: labels, the most important first; the first ones are numbered.
        caption: what the attack on them did (`advxai.report.captions.attack_caption`).
        form: how the map is shown (`advxai.report.style.form_of`).
        scores: (S,), one a segment; needed by the form `outlines`.
        zero: value of map and scores that stands for no effect; needed by all forms but `heat`.
    """

    map: np.ndarray
    segments: np.ndarray
    ranking: np.ndarray
    caption: str = ""
    form: Form = "heat"
    scores: np.ndarray | None = None
    zero: float = float("nan")


def outline(axes: Axes, found: Sequence[Ring], **style: Any) -> None:
    """Draw rings, in pixels of the image that `axes` shows (its first pixel's corner is (0, 0)), with a halo."""
    if not found:
        return
    corners = [(x - 0.5, y - 0.5) for ring in found for x, y in [*ring, ring[0]]]
    codes = [
        code for ring in found for code in [Outline.MOVETO, *[Outline.LINETO] * (len(ring) - 1), Outline.CLOSEPOLY]
    ]
    patch = PathPatch(Outline(corners, codes), facecolor="none", **style)
    patch.set_path_effects([withStroke(linewidth=style["linewidth"] + 1.4, foreground=HALO)])
    axes.add_patch(patch)


def region(axes: Axes, pixels: np.ndarray, size: tuple[int, int], **style: Any) -> None:
    """Outline a (h, w) bool region, stretched over an image of `size` (H, W)."""
    height, width = (have / of for have, of in zip(size, pixels.shape, strict=True))
    outline(axes, scaled(rings(pixels), width, height), **style)


def image(axes: Axes, pixels: np.ndarray, caption: str = "") -> None:
    """An image, (H, W, 3) uint8 or float in units of [0, 1], and a caption under it."""
    axes.imshow(unit(pixels).clip(0, 1), interpolation="nearest")
    axes.set_xlabel(caption, fontsize=SIZE, labelpad=3)


def absent(axes: Axes, size: tuple[int, int], text: str) -> None:
    """A few words where there is no image."""
    axes.imshow(np.ones((*size, 3)))
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=SIZE + 1, color="0.35")


def difference(axes: Axes, clean: np.ndarray, adversarial: np.ndarray) -> None:
    """The amplified difference of two images, its size in the caption."""
    stretched, largest = amplified(clean, adversarial)
    gain = f", shown \N{MULTIPLICATION SIGN}{127.5 / largest:.0f}" if largest else ""
    image(axes, stretched, f"largest {largest:.1f}/255{gain}")


def explanation(axes: Axes, pixels: np.ndarray, shown: Shown, top: int) -> None:
    """A map over its image, in its form; the first `top` segments of its ranking outlined and numbered."""
    size = pixels.shape[:2]
    scores = np.zeros(0) if shown.scores is None else shown.scores
    image(axes, raster(shown.form, pixels, shown.map, shown.segments, scores, shown.zero), shown.caption)
    if shown.form == "outlines":
        for one in outlined(scores, shown.zero):
            region(axes, shown.segments == one.label, size, **(FOR if one.positive else AGAINST))
    for place, label in enumerate(shown.ranking[:top], start=1):
        _numbered(axes, shown.segments == label, size, place)


def _numbered(axes: Axes, pixels: np.ndarray, size: tuple[int, int], place: int) -> None:
    region(axes, pixels, size, **SEGMENT)
    x, y = inside(pixels)
    height, width = (have / of for have, of in zip(size, pixels.shape, strict=True))
    axes.text(
        x * width - 0.5,
        y * height - 0.5,
        str(place),
        color=SEGMENT_COLOUR,
        fontsize=8,
        fontweight="bold",
        ha="center",
        va="center",
        path_effects=[withStroke(linewidth=2, foreground=HALO)],
    )


def _line(style: dict[str, Any], label: str, width: float = 2) -> Line2D:
    return Line2D([], [], color=style["edgecolor"], ls=style.get("linestyle", "-"), lw=width, label=label)


def legend(figure: Figure, forms: set[Form], mask: bool, top: int, room: float, left: float = 0.05) -> None:
    """What colours and lines mean, in the lowest `room` (share of the figure's height).

    Args:
        figure: the legend's.
        forms: those that it shows.
        mask: whether it shows true masks.
        top: how many segments are numbered.
        room: share of the figure's height.
        left: where the legend begins, as a share of the figure's width.
    """
    handles: list[Artist] = [_line(MASK, "true mask")] if mask else []
    if forms:
        handles.append(Line2D([], [], color="0.35", lw=1.6, label=f"segments ranked 1 to {top}"))
    if "outlines" in forms:
        handles += [_line(FOR, "speaks for the class"), _line(AGAINST, "speaks against it")]
    place = {"loc": "center left", "bbox_to_anchor": (left, room * 0.72)}
    figure.legend(handles=handles, ncols=4, fontsize=SIZE, frameon=False, **place)
    bars = [
        ("heat", HEAT_COLOURS, ("least", "most important")),
        ("signed", SIGNED_COLOURS, ("against", "for the class")),
    ]
    shown = [bar for bar in bars if bar[0] in forms]
    for place_of, (_, colours, ends) in enumerate(shown):
        bar = figure.add_axes((left + 0.03 + 0.42 * place_of, room * 0.3, 0.3, room * 0.12))
        figure.colorbar(ScalarMappable(cmap=colours), cax=bar, orientation="horizontal", ticks=[0, 1])
        bar.set_xticks([0, 1], ends, fontsize=SIZE)
        for label, side in zip(bar.get_xticklabels(), ("left", "right"), strict=True):
            label.set_ha(side)
        bar.tick_params(length=0, pad=1)


def bare(axes: Axes) -> None:
    """No ticks, no frame."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
