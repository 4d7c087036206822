"""Figure of how NES made the adversarial copies: p(real) by iteration, iterations, and the size of the change."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advxai.adversary.distortion import Distortion
from advxai.common.arrays import Flags, Floats
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.report.save import save
from advxai.report.sheet import note, note_height, sheet
from advxai.report.style import BAND, FLIPPED, LARGEST, PAGE, ROOT_MEAN_SQUARE, SIZE, SMALL, SPENT, Style
from advxai.run.store import stream_shard

FIELDS = ("key", "before", "success", "iterations", "steps", "trace")
NO_TRACE = np.zeros(0, np.float32)
BINS = 40  # at most, of iterations
MANY = 300  # images from which on the ends of single curves are no longer marked


@dataclass(frozen=True)
class Progress:
    """Outcome of NES on the images that were called fake.

    Attributes:
        limit: most iterations.
        called_real: images that were called real from the start; NES left them alone, and they aren't counted.
        iterations: (n,) int.
        success: (n,) bool, called real in the end.
        largest: (n,) largest difference of a channel's value (L-inf), in units of 1/255.
        square: (n,) root of the mean squared difference, in units of 1/255.
        traces: (n,) p(real) before each update and after the last; empty for a record that earlier code made.
    """

    limit: int
    called_real: int
    iterations: NDArray[np.int64]
    success: Flags
    largest: NDArray[np.float64]
    square: NDArray[np.float64]
    traces: list[NDArray[np.float32]]

    @property
    def curves(self) -> NDArray[np.float64]:
        """(m, limit + 1) p(real) of the images that have a trace, each carried on at its last value."""
        found = [trace for trace in self.traces if len(trace)]
        curves = np.zeros((len(found), self.limit + 1))
        for curve, trace in zip(curves, found, strict=True):
            curve[: len(trace)], curve[len(trace) :] = trace, trace[-1]
        return curves


def size_of(steps: NDArray[np.integer], image: Floats | None, distortion: Distortion) -> tuple[float, float]:
    """Largest difference and root of the mean squared difference that a step map makes, in units of 1/255.

    Args:
        steps: (1 or 3, h, w) integers.
        image: (h, w, 3) in [0, 1], as the detector sees it; needed where the attack projects, for what a pixel's range
            cuts off. Else the change is the same whatever the image.
        distortion: the adversary's; mean and std (3, 1, 1) float64.
    """
    mean, std = distortion.mean, distortion.std
    clean = np.zeros((3, *steps.shape[1:])) if image is None else (image.transpose(2, 0, 1) - mean) / std
    change = (distortion.apply(clean, steps.astype(np.float64)) - clean) * std * 255
    return float(np.abs(change).max()), float(np.sqrt(np.square(change).mean()))


def progress(
    shards: Iterable[Path], distortion: Distortion, image_of: Callable[[str], Floats], classes: Classes
) -> Progress:
    """Read a run's shards of the stage adversary, one after the other.

    Args:
        shards: the files.
        distortion: the adversary's; mean and std (3, 1, 1) float64.
        image_of: key -> the image (h, w, 3) in [0, 1], as the detector sees it.
        classes: the detector's.
    """
    records: list[Record] = []
    called_real = 0
    for path in shards:
        for record in stream_shard(path, FIELDS):
            if classes.called_real(record["before"]):
                called_real += 1
                continue
            image = image_of(record["key"]) if distortion.settings.project else None
            size = size_of(record["steps"], image, distortion)
            kept = {name: record.get(name, NO_TRACE) for name in ("success", "iterations", "trace")}
            records.append(kept | {"size": size})
    sizes = np.array([record["size"] for record in records], dtype=np.float64).reshape(-1, 2)
    return Progress(
        limit=distortion.settings.iterations,
        called_real=called_real,
        iterations=np.array([record["iterations"] for record in records], dtype=np.int64),
        success=np.array([record["success"] for record in records], dtype=bool),
        largest=sizes[:, 0],
        square=sizes[:, 1],
        traces=[record["trace"] for record in records],
    )


def text_of(found: Progress) -> str:
    """What stands under the figure."""
    count, flipped = len(found.iterations), int(found.success.sum())
    lines = [
        f"NES on the {count:,} images that the detector calls fake: {flipped:,} are called real in the end, "
        f"{count - flipped:,} are not after {found.limit} iterations."
    ]
    if found.called_real:
        lines.append(f"Not counted: {found.called_real:,} called real from the start.")
    traced = sum(len(trace) > 0 for trace in found.traces)
    if traced < count:
        lines.append(f"{count - traced:,} have no curve: earlier code, which kept none, made their records.")
    lines.append("A curve goes on at its last value in median and quartiles.")
    return " ".join(lines)


def draw(found: Progress, text: str = "", dpi: int = 150) -> Figure:
    """The figure of `nes_figure`."""
    text = f"{text_of(found)}\n{text}".rstrip()
    figure = sheet(PAGE, 2.4 + note_height(text, PAGE), dpi)
    note(figure, text)
    curves, iterations, sizes = figure.subplots(1, 3, width_ratios=(1.5, 1, 1))
    _curves(curves, found)
    _iterations(iterations, found)
    _sizes(sizes, found)
    for axes in (curves, iterations, sizes):
        axes.tick_params(labelsize=SMALL, length=2, pad=1.5)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (curves, iterations):
        axes.xaxis.get_major_locator().set_params(integer=True)
    for axes in (iterations, sizes):
        axes.set_ylabel("images", fontsize=SIZE)
        axes.yaxis.get_major_locator().set_params(integer=True)
    return figure


def _legend(axes: Axes, columns: int = 1) -> None:
    """Above the axes: within, it would lie on what is drawn."""
    axes.legend(
        fontsize=SMALL, loc="lower left", bbox_to_anchor=(-0.02, 1), frameon=False, ncols=columns, borderpad=0.2,
        labelspacing=0.25, columnspacing=1.5,
    )  # fmt: skip


def _curves(axes: Axes, found: Progress) -> None:
    ends = {True: ("called real", FLIPPED["color"], "-", "o"), False: ("budget spent", SPENT["color"], "--", "x")}
    traced = [pair for pair in zip(found.traces, found.success, strict=True) if len(pair[0])]
    opacity = float(np.clip(15 / max(len(traced), 1), 0.04, 0.6))
    for success, (label, colour, line, marker) in ends.items():
        mine = [trace for trace, flipped in traced if bool(flipped) == success]
        if not mine:
            continue
        lines = [np.column_stack([np.arange(len(trace)), trace]) for trace in mine]
        # thousands of lines would make the PDF large and slow
        axes.add_collection(LineCollection(lines, colors=colour, linestyles=line, lw=0.5, alpha=opacity), autolim=False)
        axes.collections[-1].set_rasterized(True)
        style: Style = {"color": colour, "ls": line, "lw": 0.8, "marker": marker, "ms": 2.5, "mew": 0.8}
        if len(traced) <= MANY:
            axes.plot(*np.array([part[-1] for part in lines]).T, **style | {"ls": ""}, clip_on=False)
        axes.plot([], [], label=f"{label} ({len(mine):,})", **style)
    curves = found.curves
    if len(curves):
        low, middle, high = np.quantile(curves, (0.25, 0.5, 0.75), axis=0)
        at = np.arange(found.limit + 1)
        axes.fill_between(at, low, high, color="black", alpha=BAND, lw=0, zorder=2.5)
        for end in (low, high):
            axes.plot(at, end, color="black", ls=":", lw=0.9)
        axes.plot([], [], color="black", ls=":", lw=0.9, label="quartiles")
        axes.plot(at, middle, color="black", lw=1.6, label="median")
        _legend(axes, 2)
    else:
        axes.text(0.5, 0.5, "no curve was kept", transform=axes.transAxes, ha="center", fontsize=SIZE, color="0.35")
    axes.set(xlim=(0, found.limit), ylim=(0, 1))
    axes.set_xlabel("iteration", fontsize=SIZE)
    axes.set_ylabel("p(real)", fontsize=SIZE)


def _iterations(axes: Axes, found: Progress) -> None:
    width = -(-found.limit // BINS)
    edges = np.arange(0.5, found.limit + width, width)
    parts = [(found.success, "called real", FLIPPED), (~found.success, "budget spent", SPENT)]
    _stacked(
        axes, [(found.iterations[which], f"{name} ({which.sum():,})", style) for which, name, style in parts], edges
    )
    axes.set_xlim(0, found.limit + 1)
    axes.set_xlabel("iterations", fontsize=SIZE)


def _stacked(axes: Axes, parts: list[tuple[NDArray[np.int64], str, Style]], edges: Floats) -> None:
    """Bars on each other, each part with its own hatch."""
    bottom = np.zeros(len(edges) - 1)
    for values, label, style in parts:
        heights, _ = np.histogram(values, edges)
        look = {"color": style["color"]} if not style["hatch"] else {"facecolor": "white", "edgecolor": style["color"]}
        some = heights > 0
        axes.bar(
            edges[:-1][some],
            heights[some],
            np.diff(edges)[some],
            bottom[some],
            align="edge",
            label=label,
            hatch=style["hatch"],
            lw=0.4,
            **look,
        )
        bottom += heights
    axes.set_ylim(0, 1.05 * max(bottom.max(initial=0), 1))
    _legend(axes)


def _sizes(axes: Axes, found: Progress) -> None:
    most = float(found.largest.max(initial=0)) or 1.0
    edges = np.linspace(0, most * 1.02, 31)
    top = 1
    for values, label, style in (
        (found.square, "root mean square", ROOT_MEAN_SQUARE),
        (found.largest, "largest", LARGEST),
    ):
        counts, _, _ = axes.hist(values, edges.tolist(), histtype="stepfilled", label=label, lw=0.8, **style)
        top = max(top, int(np.max(counts, initial=0)))
    axes.set(xlim=(0, edges[-1]), ylim=(0, 1.05 * top))
    axes.set_xlabel("change of the image, in 1/255", fontsize=SIZE)
    _legend(axes)


def nes_figure(found: Progress, path: Path, text: str = "", dpi: int = 150) -> None:
    """Publish the figure as <path>.png and <path>.pdf; the same input gives the same bytes.

    Args:
        found: of `progress`.
        path: with either suffix or none.
        text: under the figure, after what is counted.
        dpi: resolution of the PNG.
    """
    save(draw(found, text, dpi), path)
