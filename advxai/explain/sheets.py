"""The contact sheet of one face in a clip: its maps over time, and their mean."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.explain.explained import Explained
from advxai.explain.figures import Look
from advxai.explain.notes import flips_at
from advxai.report.axes import Legend, absent, explanation, image
from advxai.report.forms import full_at, heat, signed
from advxai.report.sheet import GAP, MARGIN, broken, note, note_height, sheet, squares, wrapped
from advxai.report.style import PAGE, SIZE, SMALL, Form

SIDE, SMALLEST = 1.2, 0.98  # inches of a picture: with few frames, and with many
LEAST = 5.0  # inches: room for a heading
NAME, LINE, TITLE = 0.75, 0.115, 9  # inches of the names beside the rows and of a line under a picture; points
THIN = 0.6  # lines and numbers, as in the figure of all explainers
MOST_PIXELS = 60_000  # of a PNG's side; more can't be drawn

MEANS = (
    "Last column: the mean over time, over the mean face. Each frame's map counts equally, scaled as it is shown; only "
    "frames that are called the same are put together."
)
ATTACKS = (
    "Under a map: with how many of its first segments attacked the face is called {real} or, if with none, how the "
    "probability of what it is called moves when all that are numbered are attacked."
)


def contact_sheet(frames: Sequence[Explained], title: str, notes: Sequence[str], look: Look) -> Figure:
    """One face of a clip: a column a frame, and one of means; a row the face, and a row an explainer.

    Args:
        frames: the face in the frames that show it, by time.
        title: what is shown.
        notes: lines under the figure.
        look: see `Look`.
    """
    columns = len(frames) + 1
    side = max(SMALLEST, min(SIDE, (PAGE - NAME - MARGIN) / columns - GAP))
    names = [name for name in look.names if any(name in one.maps for one in frames)]
    width = max(NAME + MARGIN + columns * (side + GAP), LEAST)
    heading = wrapped(f"{title}: {look.model}", width - 2 * MARGIN, TITLE)
    head = 0.12 + (heading.count("\n") + 1) * TITLE * 1.2 / 72 + 0.32
    forms = {look.shown(one, name).form for one in frames for name in one.maps}
    forms |= {"signed"} if "outlines" in forms else set()  # as which their mean is drawn
    legend = Legend(frozenset(forms), False, look.top, width - 2 * MARGIN)
    attacked = [ATTACKS.format(real=look.classes.real_name)] if any(one.attacks for one in frames) else []
    text = "\n".join([*([MEANS] if names else []), *attacked, *look.said(names, forms), *notes])
    under = note_height(text, width)
    rooms = [2 * LINE + 0.1, *([LINE + 0.09] * len(names))]
    height = head + len(rooms) * side + sum(rooms) + legend.height + under
    dpi = min(look.dpi, int(MOST_PIXELS / max(width, height)))
    figure = sheet(width, height, dpi, layout=None)
    grid = squares(figure, rooms, columns, side, NAME, head)
    figure.suptitle(heading, fontsize=TITLE, x=MARGIN / width, ha="left", y=1 - 0.06 / height, va="top")
    for line, name in zip(grid, ("face", *names), strict=True):
        line[0].set_ylabel(broken(name, NAME - 0.1, SIZE), fontsize=SIZE, rotation=0, ha="right", va="center")
    for axes, one in zip(grid.T[:-1], frames, strict=True):
        _frame(axes, one, names, look)
    _means(grid.T[-1], frames, names, look)
    legend.draw(figure, MARGIN, under)
    note(figure, text)
    return figure


def _frame(axes: Sequence[Axes], one: Explained, names: Sequence[str], look: Look) -> None:
    axes[0].set_title(f"{one.face.seconds:.2f} s\nframe {one.face.frame}", fontsize=SIZE, pad=2)
    image(axes[0], one.display)
    _caption(axes[0], f"{look.classes.names[one.predicted]}\n{one.adversary['before'][one.predicted]:.2f}")
    for place, name in zip(axes[1:], names, strict=True):
        if name not in one.maps:
            absent(place, one.image.shape[:2], "none")
            continue
        explanation(place, one.display, look.shown(one, name), look.top, THIN)
        _caption(place, _outcome(one, name, look))


def _outcome(one: Explained, name: str, look: Look) -> str:
    """What the attacks on an explainer's first segments did."""
    attacks = one.attacks.get(name)
    if not attacks:
        return ""
    if least := flips_at(one, name):
        return f"{look.classes.real_name} with top {least}"
    before, after = (attacks[-1][when][one.predicted] for when in ("before", "after"))
    return f"top {len(attacks)}: {before:.2f} \N{RIGHTWARDS ARROW} {after:.2f}"


def _caption(axes: Axes, text: str) -> None:
    axes.set_xlabel(text, fontsize=SMALL, labelpad=2)


def _means(axes: Sequence[Axes], frames: Sequence[Explained], names: Sequence[str], look: Look) -> None:
    same = alike(frames)
    axes[0].set_title(f"mean of {len(same)}\nframe{'' if len(same) == 1 else 's'}", fontsize=SIZE, pad=2)
    face = mean_face(same)
    image(axes[0], face)
    mean = np.mean([one.adversary["before"] for one in same], axis=0)
    _caption(axes[0], f"{look.classes.names[same[0].predicted]}\n{mean[same[0].predicted]:.2f}")
    for place, name in zip(axes[1:], names, strict=True):
        having = [one for one in same if name in one.maps]
        if not having:
            absent(place, face.shape[:2], "none")
            continue
        heat_form = all(look.shown(one, name).form == "heat" for one in having)
        mean_map = np.mean([scaled_map(one, name, look.shown(one, name).form) for one in having], axis=0)
        image(place, heat(face, mean_map) if heat_form else signed(face, mean_map, 0.0))


def alike(frames: Sequence[Explained]) -> list[Explained]:
    """The frames of the class that most are called; of several such classes, the one that comes first."""
    ((called, _),) = Counter(one.predicted for one in frames).most_common(1)
    return [one for one in frames if one.predicted == called]


def mean_face(frames: Sequence[Explained]) -> Floats:
    """The mean (n, n, 3) of crops, as large as the largest of them is drawn."""
    side = max(len(one.display) for one in frames)
    mean: Floats = np.mean([one.enlarged(side) for one in frames], axis=0)
    return mean


def scaled_map(one: Explained, name: str, form: Form) -> NDArray[np.float64]:
    """A map (h, w) as it is shown: with a sign, from -1 to 1, over what its colours are full at; else from 0 to 1. One
    that says nothing is 0 everywhere."""
    record = one.maps[name]
    values: NDArray[np.float64] = record["map"].astype(np.float64)
    zero = record["zero"]
    if np.isnan(zero):
        values, largest = values - values.min(), float(np.ptp(values))
    else:
        values = values - zero
        largest = full_at(values, form)
    return (values / largest).clip(-1, 1) if np.isfinite(largest) and largest > 0 else np.zeros_like(values)
