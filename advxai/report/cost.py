"""Figure of what an explanation costs: images, calls, seconds (paper, table 3)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from advxai.report.nothing import blank
from advxai.report.save import save
from advxai.report.sheet import broken, note, note_height, sheet
from advxai.report.style import COPY_BAR, LIMIT, OWN_BAR, PAGE, SIZE, SMALL
from advxai.tables.compute import BACKWARDS
from advxai.tables.layout import ELSEWHERE

PANELS = {
    "images": "images through the detector",
    "calls": "calls of the detector",
    BACKWARDS: "images back through it",  # where some row has any
    "seconds": "seconds",
}
BACK = f"own {BACKWARDS}"
BAR = 0.2  # inches an explainer, if its name has one line


def limits(costs: pd.DataFrame, speed: Mapping[str, Any]) -> NDArray[np.float64]:
    """Seconds that the forwards alone of each explainer would take: all its images at the detector's raw rate.

    NaN for white boxes: the rate is of the run's backend, their forwards and gradients are of torch's module.
    """
    seconds = costs["total images"] / speed["images_per_second"]
    found: NDArray[np.float64] = (seconds.mask(costs[BACK] > 0) if BACK in costs else seconds).to_numpy()
    return found


def text_of(costs: pd.DataFrame, speed: Mapping[str, Any]) -> str:
    """What stands under the figure."""
    counts = costs["n"]
    marks = "Marks, none of white boxes, which work on torch's module" if BACK in costs else "Marks"
    n = f"{counts.min():,}" if counts.nunique() == 1 else f"{counts.min():,} to {counts.max():,}"
    return (
        f"Means of explaining one image (n = {n}). {marks}: time of the same images as raw full batches, at "
        f"{speed['images_per_second']:,.0f} images a second with batches of {speed['forward_batch']:,} "
        f"({speed['backend']} on {speed['device']}; {speed['made_with'].partition(';')[0]}), measured "
        f"{speed['measured'][:10]} when the run was done. {ELSEWHERE}"
    )


def draw(costs: pd.DataFrame, speed: Mapping[str, Any], text: str = "", dpi: int = 150) -> Figure:
    """The figure of `cost_figure`."""
    text = f"{text_of(costs, speed)}\n{text}".rstrip()
    if not costs["n"].any():
        return blank(text, dpi)
    names = [broken(name, 1.6, SIZE) for name in costs["explainer"]]
    bar = BAR * max(name.count("\n") + 1 for name in names)
    figure = sheet(PAGE, 0.7 + max(bar * len(costs), 3 * BAR) + note_height(text, PAGE), dpi)
    note(figure, text)
    measures = {name: label for name, label in PANELS.items() if f"own {name}" in costs}
    panels = figure.subplots(1, len(measures), sharey=True)
    for axes, (measure, label) in zip(panels, measures.items(), strict=True):
        own, total = (costs[f"{scope} {measure}"].to_numpy() for scope in ("own", "total"))
        _bars(axes, own, total - own)
        if measure == "seconds":
            at = limits(costs, speed)
            axes.plot(at, np.arange(len(costs)), label="limit of the forwards", zorder=3, **LIMIT)[0].set_path_effects(
                [withStroke(linewidth=3, foreground="white")]
            )
        axes.set_xlabel(label, fontsize=SIZE)
        axes.tick_params(labelsize=SMALL, length=2, pad=1.5)
        axes.set_xlim(left=0)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panels[0].set_yticks(range(len(costs)), names, fontsize=SIZE)
    panels[0].set_ylim(len(costs) - 0.5, -0.5)
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, fontsize=SMALL, frameon=False, borderpad=0.1)
    return figure


def _bars(axes: Axes, own: NDArray[np.float64], copy: NDArray[np.float64]) -> None:
    """The explainer's own part, and that of the adversarial copy beside it; a row without images has no bar."""
    at = np.arange(len(own))
    own, copy = np.nan_to_num(own), np.nan_to_num(copy)
    axes.barh(at, own, 0.7, label="the explainer's own", **OWN_BAR)
    some = copy > 0
    if some.any():
        axes.barh(at[some], copy[some], 0.7, own[some], label="its adversarial copy's", **COPY_BAR)


def cost_figure(costs: pd.DataFrame, speed: Mapping[str, Any], path: Path, text: str = "", dpi: int = 150) -> None:
    """Publish the figure as <path>.png and <path>.pdf; the same input gives the same bytes.

    Args:
        costs: of `advxai.tables.compute.cost`.
        speed: of `advxai.detector.throughput.speed`.
        path: with either suffix or none.
        text: under the figure, after what the marks mean.
        dpi: resolution of the PNG.
    """
    save(draw(costs, speed, text, dpi), path)
