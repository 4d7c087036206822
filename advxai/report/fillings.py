"""Figure of one image under every filling (paper, figures 1 and 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from advxai.common.arrays import Floats, Labels
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.report.axes import SEGMENT, edges, image, numbered, region
from advxai.report.nothing import blank
from advxai.report.save import save
from advxai.report.sheet import GAP, note, note_height, sheet, side_of, squares
from advxai.report.style import PAGE, SIZE, SMALL
from advxai.run.store import read_attributes, read_shard

ACROSS = 8  # fillings side by side, beside the image itself
# Inches: largest side of a picture, room above the first row and under the two.
LARGEST, HEAD, ROOMS = 1.3, 0.36, (0.46, 0.34)
LINES = 0.6  # thickness of outlines, as a share of that in larger pictures


@dataclass(frozen=True)
class Filled:
    """What the figure shows; see `advxai.saliency.fillings.filled`.

    Attributes:
        key, category: the image's.
        explainer: whose first segments are filled.
        labels: of these segments.
        classes: the detector's.
        records: of the image, then of each filling; none where no image is explained.
    """

    key: str
    category: str
    explainer: str
    labels: Labels
    classes: Classes
    records: Sequence[Record]


def read(path: Path, classes: Classes) -> Filled:
    """Read results/<run>/figures/fillings.h5.

    Raises:
        InputError: the file is damaged.
    """
    said = read_attributes(path)
    return Filled(said["key"], said["category"], said["explainer"], said["labels"], classes, read_shard(path))


def label_of(record: Record) -> str:
    """A filling's name: its kind, and what else it has."""
    kind = str(record["kind"])
    extra = {"blur": f" {record['size']} px", "noise": f" {record['std']:g}"}
    return kind.replace("_", " ") + extra.get(kind, "")


def _called(probabilities: Floats, classes: Classes) -> str:
    predicted = int(classes.called(probabilities))
    return f"{classes.names[predicted]}\np = {probabilities[predicted]:.2f}"


def text_of(found: Filled) -> str:
    """What stands under the figure."""
    return (
        f"{found.key} ({found.category}): its first {len(found.labels)} segments of {found.explainer}, or all of it, "
        "filled in by each baseline. Under each picture: what the detector calls it, and that class's probability."
    )


def draw(found: Filled, text: str = "", dpi: int = 150) -> Figure:
    """The figure of `fillings_figure`."""
    if not found.records:
        return blank(text, dpi)
    clean, *fillings = found.records
    text = f"{text_of(found)}\n{text}".rstrip()
    across = min(max(len(fillings), 3), ACROSS)
    blocks = [fillings[start : start + across] for start in range(0, len(fillings), across)] or [[]]
    side = side_of(PAGE - 2 * GAP, across + 1, LARGEST)
    block = HEAD + 2 * side + sum(ROOMS)
    figure = sheet(PAGE, len(blocks) * block + note_height(text, PAGE), dpi, layout=None)
    note(figure, text)
    for number, part in enumerate(blocks):
        grid = squares(figure, ROOMS, across + 1, side, GAP, HEAD + number * block)
        if number == 0:
            _image(grid[0, 0], grid[1, 0], found, clean)
        else:
            for axes in grid[:, 0]:
                axes.set_visible(False)
        for column in range(across):
            pair = grid[:, column + 1]
            if column < len(part):
                _filling(pair[0], pair[1], part[column], found)
            else:
                for axes in pair:
                    axes.set_visible(False)
        headings = (f"top-{len(found.labels)} segments filled in by", 0.19), ("the whole image filled in", 0.03)
        for axes, (heading, up) in zip(grid[:, 1], headings, strict=True):
            axes.text(0, 1 + up / side, heading, transform=axes.transAxes, fontsize=SIZE, fontweight="bold")
        for axes in grid.ravel():
            axes.xaxis.label.set_fontsize(SMALL)
    return figure


def _image(above: Axes, below: Axes, found: Filled, clean: Record) -> None:
    above.set_title("image", fontsize=SIZE, pad=2)
    image(above, clean["part"], _called(clean["p_part"], found.classes))
    image(below, clean["part"], f"segments of\n{found.explainer}")
    edges(below, clean["segments"])
    for place, label in enumerate(found.labels, start=1):
        numbered(below, clean["segments"] == label, clean["part"].shape[:2], place, LINES)


def _filling(above: Axes, below: Axes, record: Record, found: Filled) -> None:
    above.set_title(label_of(record), fontsize=SIZE, pad=2)
    for axes, name in ((above, "part"), (below, "whole")):
        image(axes, record[name], _called(record[f"p_{name}"], found.classes))
    inside = np.isin(record["segments"], found.labels)
    region(above, inside, record["part"].shape[:2], LINES, **SEGMENT)


def fillings_figure(found: Filled, path: Path, text: str = "", dpi: int = 150) -> None:
    """Publish the figure as <path>.png and <path>.pdf; the same input gives the same bytes.

    The image and its segments at the left; a column a filling, above with the segments filled, below with all of it.

    Args:
        found: of `read`.
        path: with either suffix or none.
        text: under the figure, after what is shown.
        dpi: resolution of the PNG, and of what the PDF holds as pixels.
    """
    save(draw(found, text, dpi), path)
