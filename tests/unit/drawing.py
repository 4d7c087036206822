"""What the figures' tests share."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from advxai.report.style import SMALL


def same_bytes(publish: Callable[[Path], object], folder: Path) -> None:
    """Publishing twice gives the same PNG and PDF, without a date or a version."""
    files = [folder / "drawn" / name for name in ("a.png", "a.pdf", "b.png", "b.pdf")]
    for png in files[::2]:
        publish(png)
    assert set(files[0].parent.iterdir()) == set(files)
    first_png, first_pdf, second_png, second_pdf = (file.read_bytes() for file in files)
    assert first_png == second_png and first_png.startswith(b"\x89PNG") and b"matplotlib" not in first_png
    assert first_pdf == second_pdf and first_pdf.startswith(b"%PDF") and b"CreationDate" not in first_pdf


def note_of(figure: Figure) -> str:
    """The note under a figure, as one line."""
    return " ".join(max((text.get_text() for text in figure.texts), key=len).split())


def labels_of(axes: Axes) -> list[str]:
    """Texts of the axes' legend."""
    return [text.get_text() for text in axes.get_legend().get_texts()]


def readable(figure: Figure, width: float) -> None:
    """No text is smaller than `SMALL`, nothing reaches out of the figure, which is no wider than `width` inches."""
    assert figure.get_size_inches()[0] <= width + 1e-6
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert texts and all(text.get_fontsize() >= SMALL for text in texts)
    drawn, (across, up) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.02 and drawn.y0 > -0.02 and drawn.x1 < across + 0.02 and drawn.y1 < up + 0.02
