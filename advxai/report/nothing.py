"""What a figure is where there is nothing to show."""

from matplotlib.figure import Figure

from advxai.report.sheet import MARGIN, note, note_height, sheet
from advxai.report.style import PAGE

NOTHING = "There is nothing to show: no image was explained."


def blank(title: str, dpi: int = 150) -> Figure:
    """A page that says so, under what would have been shown."""
    text = f"{title}\n{NOTHING}".lstrip()
    figure = sheet(PAGE, note_height(text, PAGE) + MARGIN, dpi, layout=None)
    note(figure, text)
    return figure
