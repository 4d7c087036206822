"""Figure of the ROC curve alone, real against fake, as tests of one detector publish it; and axes of such curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from advxai.common.classes import Classes
from advxai.detector.shown import described, shown_levels, undefined
from advxai.report.save import save
from advxai.report.sheet import sheet
from advxai.report.style import COLUMN, LINES, SIZE, Style

RING: Style = {"marker": "o", "ms": 6, "mfc": "none", "mew": 1.2, "ls": "none"}


def rates(axes: Axes, title: str, scale: str = "") -> None:
    """Name the axes of ROC curves, from 0 to 1 each, and what is drawn on them.

    Args:
        axes: with lines, the first of them that of chance.
        title: above.
        scale: what is said of the horizontal axis, which may be stretched.
    """
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.tick_params(labelsize=SIZE)
    axes.set_xlabel(f"false positive rate{scale}", fontsize=SIZE)
    axes.set_ylabel("true positive rate", fontsize=SIZE)
    axes.set_title(title, fontsize=SIZE + 1, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if len(axes.lines) > 1:
        legend = axes.legend(fontsize=SIZE, title="AUROC", title_fontsize=SIZE, loc="lower right", edgecolor="white")
        legend.set_zorder(4)


def called(confusion: Any, real: int) -> tuple[float, float]:
    """Shares of the real and of the fake ones that are called fake.

    Args:
        confusion: (classes, classes) numbers, true classes in lines; some are real and some fake.
        real: index of the class of genuine images.
    """
    counts = np.asarray(confusion)
    fake = np.arange(len(counts)) != real
    return (
        float(counts[real, fake].sum() / counts[real].sum()),
        float(counts[np.ix_(fake, fake)].sum() / counts[fake].sum()),
    )


def draw(metrics: Mapping[str, Any], classes: Classes, dpi: int = 150) -> Figure:
    """The figure of `roc_figure`."""
    figure = sheet(COLUMN, COLUMN, dpi)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.75", lw=0.8)
    for level, line in zip(shown_levels(metrics), LINES, strict=False):
        own, points = metrics[level], metrics[level]["roc"]
        if points is None:
            continue
        label = f"{described(metrics, level)}, n = {own['n']:,} ({own['real_vs_fake']['auroc']:.3f})"
        curve = points["false_positive_rate"], points["true_positive_rate"]
        axes.plot(*curve, clip_on=False, zorder=3, label=label, lw=1.3, **line)
        x, y = called(own["confusion"], classes.real)
        axes.plot([x], [y], clip_on=False, zorder=3.5, color=line["color"], **RING)
    if len(axes.lines) > 1:
        at = (
            "likeliest class"
            if classes.threshold is None
            else f"p(fake) \N{GREATER-THAN OR EQUAL TO} {classes.threshold:g}"
        )
        axes.plot([], [], color="black", label=f"called fake by {at}", **RING)
    else:
        none = undefined(metrics).partition(",")[0]
        axes.text(0.5, 0.2, f"{none}: no curve", fontsize=SIZE, ha="center", va="center")
    rates(axes, "ROC curve, real against fake")
    return figure


def roc_figure(metrics: Mapping[str, Any], path: Path, classes: Classes, dpi: int = 150) -> None:
    """Publish the figure, one column wide, as <path>.png and <path>.pdf; the same input gives the same bytes.

    Args:
        metrics: detector/metrics.json (`advxai.detector.metrics.evaluate`).
        path: with either suffix or none.
        classes: the detector's; a ring marks the point at which they call something fake.
        dpi: resolution of the PNG.
    """
    save(draw(metrics, classes, dpi), path)
