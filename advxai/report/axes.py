"""What one axes of a figure shows: an image, an explanation in its method's form, outlines, numbers, the legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke

from advxai.common.arrays import Flags, Floats, Labels, Picture
from advxai.report.forms import amplified, outlined, raster, unit
from advxai.report.polygons import Ring, inside, rings, scaled
from advxai.report.style import (
    HALO,
    HALO_WIDTH,
    HEAT_COLOURS,
    MASK_COLOUR,
    NEGATIVE,
    POSITIVE,
    SEGMENT_COLOUR,
    SIGNED_COLOURS,
    SIZE,
    SMALL,
    Form,
    Style,
)

LINE, BAR, ENTRY = 0.16, 0.3, 1.6  # inches of a legend: height of a line and of a bar of colours, width of an entry
DASHES = (0, (4, 1.2))
MASK: Style = {"edgecolor": MASK_COLOUR, "linewidth": 1.7, "linestyle": DASHES}
SEGMENT: Style = {"edgecolor": SEGMENT_COLOUR, "linewidth": 1.1}
FOR: Style = {"edgecolor": POSITIVE, "linewidth": 1.1}
AGAINST: Style = {"edgecolor": NEGATIVE, "linewidth": 1.1, "linestyle": DASHES}


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

    map: Floats
    segments: Labels
    ranking: Labels
    caption: str = ""
    form: Form = "heat"
    scores: Floats | None = None
    zero: float = float("nan")


def outline(axes: Axes, found: Sequence[Ring], halo: float = HALO_WIDTH, **style: Any) -> None:
    """Draw rings, in pixels of the image that `axes` shows (its first pixel's corner is (0, 0)), with a halo."""
    if not found:
        return
    corners = [(x - 0.5, y - 0.5) for ring in found for x, y in [*ring, ring[0]]]
    codes = [
        code for ring in found for code in [Outline.MOVETO, *[Outline.LINETO] * (len(ring) - 1), Outline.CLOSEPOLY]
    ]
    patch = PathPatch(Outline(corners, codes), facecolor="none", **style)
    patch.set_path_effects([withStroke(linewidth=style["linewidth"] + halo, foreground=HALO)])
    axes.add_patch(patch)


def region(axes: Axes, pixels: Flags, size: tuple[int, int], scale: float = 1.0, **style: Any) -> None:
    """Outline a (h, w) bool region, stretched over an image of `size` (H, W); `scale` thins the line."""
    style["linewidth"] *= scale
    height, width = (have / of for have, of in zip(size, pixels.shape, strict=True))
    outline(axes, scaled(rings(pixels), width, height), HALO_WIDTH * scale, **style)


def edges(axes: Axes, segments: Labels) -> None:
    """Thin lines between the segments, (h, w) integer labels, of an image of the same size."""
    down, right = (np.argwhere(np.diff(segments, axis=axis)) for axis in (0, 1))
    lines = [((x - 0.5, y + 0.5), (x + 0.5, y + 0.5)) for y, x in down]
    lines += [((x + 0.5, y - 0.5), (x + 0.5, y + 0.5)) for y, x in right]
    axes.add_collection(LineCollection(lines, colors=SEGMENT_COLOUR, lw=0.35, alpha=0.8, capstyle="projecting"))


def image(axes: Axes, pixels: Picture, caption: str = "") -> None:
    """An image, (H, W, 3) uint8 or float in units of [0, 1], and a caption under it."""
    axes.imshow(unit(pixels).clip(0, 1), interpolation="nearest")
    axes.set_xlabel(caption, fontsize=SIZE, labelpad=3)


def absent(axes: Axes, size: tuple[int, int], text: str) -> None:
    """A few words where there is no image."""
    axes.imshow(np.ones((*size, 3)))
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=SIZE + 1, color="0.35")


def difference(axes: Axes, clean: Picture, adversarial: Picture) -> None:
    """The amplified difference of two images, its size in the caption."""
    stretched, largest = amplified(clean, adversarial)
    gain = f", shown \N{MULTIPLICATION SIGN}{127.5 / largest:.0f}" if largest else ""
    image(axes, stretched, f"largest {largest:.1f}/255{gain}")


def explanation(axes: Axes, pixels: Picture, shown: Shown, top: int, scale: float = 1.0) -> None:
    """A map over its image, in its form; the first `top` segments of its ranking outlined and numbered.

    Args:
        axes: where.
        pixels: the image.
        shown: the map.
        top: how many segments are numbered.
        scale: of lines and numbers, for small pictures.
    """
    size = pixels.shape[:2]
    scores = np.zeros(0) if shown.scores is None else shown.scores
    image(axes, raster(shown.form, pixels, shown.map, shown.segments, scores, shown.zero), shown.caption)
    if shown.form == "outlines":
        for one in outlined(scores, shown.zero):
            region(axes, shown.segments == one.label, size, scale, **(FOR if one.positive else AGAINST))
    for place, label in enumerate(shown.ranking[:top], start=1):
        numbered(axes, shown.segments == label, size, place, scale)


def numbered(axes: Axes, pixels: Flags, size: tuple[int, int], place: int, scale: float = 1.0) -> None:
    """Outline a segment, a (h, w) bool region, and write its number into it."""
    region(axes, pixels, size, scale, **SEGMENT)
    x, y = inside(pixels)
    height, width = (have / of for have, of in zip(size, pixels.shape, strict=True))
    axes.text(
        x * width - 0.5,
        y * height - 0.5,
        str(place),
        color=SEGMENT_COLOUR,
        fontsize=max(8 * scale, SMALL),
        fontweight="bold",
        ha="center",
        va="center",
        path_effects=[withStroke(linewidth=2 * scale, foreground=HALO)],
    )


def _line(style: Style, label: str, width: float = 2) -> Line2D:
    return Line2D([], [], color=style["edgecolor"], ls=style.get("linestyle", "-"), lw=width, label=label)


@dataclass(frozen=True)
class Legend:
    """What colours and lines mean, along the lower edge of a figure.

    Attributes:
        forms: those that the figure shows.
        mask: whether it shows true masks.
        top: how many segments are numbered.
        width: inches that there are.
    """

    forms: frozenset[Form]
    mask: bool
    top: int
    width: float

    @property
    def _lines(self) -> list[Artist]:
        lines: list[Artist] = [_line(MASK, "true mask")] if self.mask else []
        if self.forms:
            lines.append(Line2D([], [], color="0.35", lw=1.6, label=f"segments ranked 1 to {self.top}"))
        if "outlines" in self.forms:
            lines += [_line(FOR, "speaks for the class"), _line(AGAINST, "speaks against it")]
        return lines

    @property
    def _bars(self) -> list[tuple[str, tuple[str, str]]]:
        heat, sign = (HEAT_COLOURS, ("least", "most important")), (SIGNED_COLOURS, ("against", "for"))
        found = [heat] if "heat" in self.forms else []
        return [*found, sign] if self.forms & {"signed", "gradients"} else found

    @property
    def _columns(self) -> int:
        return max(1, int(self.width / ENTRY))

    @property
    def height(self) -> float:
        """Inches that it takes."""
        return LINE * -(-len(self._lines) // self._columns) + BAR * bool(self._bars)

    def draw(self, figure: Figure, left: float, bottom: float) -> None:
        """Draw it, its lower left corner so many inches from the figure's."""
        width, height = figure.get_size_inches()
        place: Style = {
            "loc": "lower left",
            "bbox_to_anchor": (left / width, (bottom + BAR * bool(self._bars)) / height),
        }
        look: Style = {"borderpad": 0, "borderaxespad": 0, "columnspacing": 1.2, "handlelength": 2.4}
        if lines := self._lines:
            figure.legend(handles=lines, ncols=self._columns, fontsize=SIZE, frameon=False, **place, **look)
        for number, (colours, ends) in enumerate(self._bars):
            each = min(2.2, self.width / len(self._bars))
            at = (left + number * each) / width, (bottom + 0.14) / height, (each - 0.2) / width, 0.08 / height
            bar = figure.add_axes(at)
            figure.colorbar(ScalarMappable(cmap=colours), cax=bar, orientation="horizontal", ticks=[0, 1])
            bar.set_xticks([0, 1], ends, fontsize=SIZE)
            first, last = bar.get_xticklabels()
            first.set_horizontalalignment("left")
            last.set_horizontalalignment("right")
            bar.tick_params(length=0, pad=1)
