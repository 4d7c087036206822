"""Figure of how well the detector classifies: confusion matrix, ROC curves by frame and by video, reliability."""

from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from advxai.common.categories import ABBREVIATIONS
from advxai.common.classes import Classes
from advxai.detector.calibration import BINS, roc
from advxai.detector.shown import described, shown_levels
from advxai.detector.videos import by_track, by_video, counted
from advxai.report.roc import rates
from advxai.report.save import save
from advxai.report.sheet import sheet
from advxai.report.style import COLUMN, LINES, SIZE
from advxai.tables.compute import paper_order

SHARES = "Blues"

FEW = 10  # images, tracks or videos a bin below which the shares of the bins aren't joined


def _confusion(axes: Axes, confusion: NDArray[np.integer], names: Sequence[str], classes: Classes) -> None:
    """Shares of each true class's images, and their numbers; a class without images has no row."""
    places = [classes.names.index(name) for name in names]
    counts = confusion[np.ix_(places, places)]
    there = counts.sum(axis=1) > 0
    counts, rows = counts[there], [name for name, found in zip(names, there, strict=True) if found]
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap=SHARES, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        red, green, blue, _ = colormaps[SHARES](shares[row, column])
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        text = f"{shares[row, column]:.1%}\n{count:,}"
        axes.text(column, row, text, color="black" if light else "white", fontsize=SIZE, ha="center", va="center")
    axes.set_xticks(range(len(names)), [ABBREVIATIONS.get(name, name) for name in names], fontsize=SIZE)
    labels = [f"{name}\n({ABBREVIATIONS[name]})" if name in ABBREVIATIONS else name for name in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=SIZE)
    axes.set_xlabel("predicted class", fontsize=SIZE)
    axes.set_ylabel("true class", fontsize=SIZE)
    axes.set_title(f"Confusion by frame (n = {counts.sum():,})", fontsize=SIZE + 1, loc="left")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    # white lines between the cells
    axes.set_xticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=1.5)
    axes.tick_params(which="minor", length=0)


def _curves(
    axes: Axes, table: pd.DataFrame, metrics: Mapping[str, Any], names: Sequence[str], classes: Classes, what: str
) -> None:
    """ROC curves with the AUROC of `metrics`; a class of which there is no image, or no other image, has none.

    Real against the rest would be real versus fake once more; so would be an only class of fakes, in whose place its
    categories stand, each against the genuine images.
    """
    label, p_real = table["label"].to_numpy(), f"p_{classes.real_name}"
    kinds = [("fake vs real", metrics["real_vs_fake"], -table[p_real], label != classes.real)]
    if len(classes.fakes) > 1:
        for name in names[1:]:
            values = metrics["per_class"][name]
            kinds.append((f"{name} vs rest", values, table[f"p_{name}"], label == classes.names.index(name)))
    else:
        for name in paper_order(metrics["per_category"]):
            mine = table[(label == classes.real) | (table["category"] == name).to_numpy()]
            values = metrics["per_category"][name]
            kinds.append((f"{name} vs real", values, -mine[p_real], (mine["label"] != classes.real).to_numpy()))
    # on a linear axis all good detectors hug the corner
    axes.set_xscale("function", functions=(np.sqrt, np.square))
    chance = np.linspace(0, 1, 101) ** 2
    axes.plot(chance, chance, color="0.75", lw=0.8)
    for (name, values, score, positive), line in zip(kinds, cycle(LINES), strict=False):
        if values["auroc"] is not None:
            line = line | {"label": f"{name} ({values['auroc']:.3f})", "lw": 1.3}
            axes.plot(*roc(score.to_numpy(), positive)[:2], clip_on=False, zorder=3, **line)
    axes.set(xticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
    rates(axes, f"ROC by {what} (n = {len(table):,})", " (square root scale)")


def _reliability(axes: Axes, bars: Axes, metrics: Mapping[str, Any]) -> None:
    """The share of fakes by p(fake), bin by bin, and how many images, tracks or videos each bin has."""
    axes.plot([0, 1], [0, 1], color="0.75", lw=0.8)
    for level, line, marker in zip(shown_levels(metrics), LINES, "os^", strict=False):
        own, bins = metrics[level], metrics[level]["reliability"]["equal_width"]
        style = line | {"lw": 1.2, "marker": marker, "ms": 3}
        if own["n"] < FEW * len(bins):  # a line from bin to bin would look like a finding
            style["ls"] = "none"
        label = f"{described(metrics, level)} (ECE {own['real_vs_fake']['ece']:.3f})"
        points = [one["p_fake"] for one in bins], [one["fake"] for one in bins]
        axes.plot(*points, clip_on=False, zorder=3, label=label, **style)
        counts = np.zeros(BINS, int)
        counts[[one["bin"] for one in bins]] = [one["n"] for one in bins]
        bars.stairs(counts, np.linspace(0, 1, BINS + 1), lw=1.2, color=line["color"], ls=line["ls"])
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is fake")
    bars.set_yscale("log")
    bars.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bars.yaxis.set_minor_formatter(NullFormatter())
    bars.set(xlim=(0, 1), ylim=(0.7, None), xlabel="p(fake), in 15 bins", ylabel="how many")
    for one in (axes, bars):
        one.xaxis.label.set_fontsize(SIZE)
        one.yaxis.label.set_fontsize(SIZE)
        one.tick_params(labelsize=SIZE)
        one.spines[["top", "right"]].set_visible(False)
    axes.set_title("Reliability of p(fake)", fontsize=SIZE + 1, loc="left")
    axes.legend(fontsize=SIZE, loc="lower right", edgecolor="white").set_zorder(4)


def draw(
    images: pd.DataFrame,
    metrics: Mapping[str, Any],
    categories: Sequence[str],
    classes: Classes,
    apart: Collection[str] = (),
    dpi: int = 150,
) -> Figure:
    """The figure of `detector_figure`."""
    names, levels = classes.ordered(categories), shown_levels(metrics)
    heights = [2.8, *(2.8 for _ in levels), 2.4, 1.0]
    figure = sheet(COLUMN, sum(heights), dpi)
    matrix, *curves, reliability, bars = figure.subplots(len(heights), height_ratios=heights)
    known, score = images[counted(images, apart)], metrics["video_score"]
    _confusion(matrix, np.array(metrics["frame"]["confusion"]), names, classes)
    made = {"frame": known, "track": by_track(known, classes, score), "video": by_video(known, classes, score)}
    for axes, level in zip(curves, levels, strict=True):
        _curves(axes, made[level], metrics[level], names, classes, described(metrics, level))
    _reliability(reliability, bars, metrics)
    return figure


def detector_figure(
    images: pd.DataFrame,
    metrics: Mapping[str, Any],
    path: Path,
    categories: Sequence[str],
    classes: Classes,
    apart: Collection[str] = (),
    dpi: int = 150,
) -> None:
    """Publish the figure, one column wide, as <path>.png and <path>.pdf; the same input gives the same bytes.

    Args:
        images: detector/predictions.parquet (`advxai.detector.metrics.predictions`); only categories that
            the detector has a class for are drawn.
        metrics: detector/metrics.json, of the same images.
        path: with either suffix or none.
        categories: manipulations in the order of the tables.
        classes: the detector's.
        apart: categories that it isn't measured on, as of `metrics.evaluate`.
        dpi: resolution of the PNG.
    """
    save(draw(images, metrics, categories, classes, apart, dpi), path)
