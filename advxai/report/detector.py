"""Figure of how well the detector classifies: confusion matrix, and ROC curves by frame and by video."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from advxai.common.classes import CLASSES, REAL, SHORT
from advxai.detector.videos import by_video
from advxai.report.save import save
from advxai.report.sheet import sheet
from advxai.report.style import COLUMN, LINES, SIZE

SHARES = "Blues"


def roc(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ROC curve's corners, from (0, 0) to (1, 1); equal scores share a point.

    Args:
        score: (n,), higher is more positive.
        positive: (n,) bool, some of them true and some false.

    Returns:
        Shares of negatives and of positives at or above each threshold, (m,) each.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    found = np.append(0, np.cumsum(positive[order])[ends])
    wrong = np.append(0, ends + 1) - found
    # what lies on the line between its neighbours only makes the PDF large
    bends = np.diff(wrong)[1:] * np.diff(found)[:-1] != np.diff(wrong)[:-1] * np.diff(found)[1:]
    kept = np.concatenate([[True], bends, [True]])
    return wrong[kept] / wrong[-1], found[kept] / found[-1]


def _order(categories: Sequence[str]) -> list[str]:
    """Real, the configuration's categories, the detector's other classes."""
    return list(dict.fromkeys([REAL, *categories, *CLASSES]))


def _confusion(axes: Axes, confusion: np.ndarray, names: Sequence[str]) -> None:
    """Shares of each true class's images, and their numbers; a class without images has no row."""
    order = [CLASSES.index(name) for name in names]
    counts = confusion[np.ix_(order, order)]
    there = counts.sum(axis=1) > 0
    counts, rows = counts[there], [name for name, found in zip(names, there, strict=True) if found]
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap=SHARES, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        red, green, blue, _ = colormaps[SHARES](shares[row, column])
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        text = f"{shares[row, column]:.1%}\n{count:,}"
        axes.text(column, row, text, color="black" if light else "white", fontsize=SIZE, ha="center", va="center")
    axes.set_xticks(range(len(names)), [SHORT.get(name, name) for name in names], fontsize=SIZE)
    labels = [f"{name}\n({SHORT[name]})" if name in SHORT else name for name in rows]
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


def _curves(axes: Axes, table: pd.DataFrame, metrics: Mapping[str, Any], names: Sequence[str], what: str) -> None:
    """ROC curves with the AUROC of `metrics`; a class of which there is no image, or no other image, has none.

    Real against the rest would be real versus fake once more.
    """
    label, per_class = table["label"].to_numpy(), metrics["per_class"]
    kinds = [("fake vs real", metrics["real_vs_fake"], -table[f"p_{REAL}"], label != CLASSES.index(REAL))]
    for name in names[1:]:
        kinds.append((f"{name} vs rest", per_class[name], table[f"p_{name}"], label == CLASSES.index(name)))
    # on a linear axis all good detectors hug the corner
    axes.set_xscale("function", functions=(np.sqrt, np.square))
    chance = np.linspace(0, 1, 101) ** 2
    axes.plot(chance, chance, color="0.75", lw=0.8)
    for (name, values, score, positive), line in zip(kinds, LINES, strict=True):
        if values["auroc"] is not None:
            line = line | {"label": f"{name} ({values['auroc']:.3f})", "lw": 1.3}
            axes.plot(*roc(score.to_numpy(), positive), clip_on=False, zorder=3, **line)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.tick_params(labelsize=SIZE)
    axes.set_xlabel("false positive rate (square root scale)", fontsize=SIZE)
    axes.set_ylabel("true positive rate", fontsize=SIZE)
    axes.set_title(f"ROC by {what} (n = {len(table):,})", fontsize=SIZE + 1, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if len(axes.lines) > 1:
        axes.legend(fontsize=SIZE, title="AUROC", title_fontsize=SIZE, loc="lower right", edgecolor="white").set_zorder(
            4
        )


def draw(images: pd.DataFrame, metrics: Mapping[str, Any], categories: Sequence[str], dpi: int = 150) -> Figure:
    """The figure of `detector_figure`."""
    names = _order(categories)
    figure = sheet(COLUMN, 8.4, dpi)
    matrix, frame, video = figure.subplots(3)
    known = images[images["category"].isin(CLASSES)]
    _confusion(matrix, np.array(metrics["frame"]["confusion"]), names)
    _curves(frame, known, metrics["frame"], names, "frame")
    _curves(video, by_video(known), metrics["video"], names, "video")
    return figure


def detector_figure(
    images: pd.DataFrame, metrics: Mapping[str, Any], path: Path, categories: Sequence[str], dpi: int = 150
) -> None:
    """Publish the figure, one column wide, as <path>.png and <path>.pdf; the same input gives the same bytes.

    Args:
        images: detector/predictions.parquet (`advxai.detector.metrics.predictions`); only the detector's classes are
            drawn.
        metrics: detector/metrics.json, of the same images.
        path: with either suffix or none.
        categories: manipulations in the order of the tables.
        dpi: resolution of the PNG.
    """
    save(draw(images, metrics, categories, dpi), path)
