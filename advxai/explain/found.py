"""The figure of the faces that were found: the photo, or the clip's frames, with numbered boxes."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke

from advxai.explain.explained import Explained
from advxai.explain.figures import Look
from advxai.explain.source import Looked, Source
from advxai.media.cut import Placement
from advxai.report.axes import image
from advxai.report.sheet import MARGIN, sheet, wrapped
from advxai.report.style import HALO, PAGE, SEGMENT_COLOUR, SIZE

ACROSS = 3  # frames beside each other
HEAD, UNDER = 0.3, 0.2  # inches above the pictures and under each
TALLEST = 9.0  # inches of one picture


def found_figure(source: Source, found: Mapping[str, Explained], look: Look) -> Figure:
    """Where the faces are, what each is called, and its number.

    Args:
        source: with what faces were looked for in.
        found: key -> what was computed; of faces that weren't explained the number alone is shown.
        look: see `Look`.
    """
    columns = min(ACROSS, len(source.looked))
    width = (PAGE - 2 * MARGIN - (columns - 1) * MARGIN) / columns
    height = width * source.size[0] / source.size[1]
    if height > TALLEST:
        width, height = width * TALLEST / height, TALLEST
    lines = -(-len(source.looked) // columns)
    room = UNDER if source.kind == "video" else 0.06
    page = max(columns * (width + MARGIN) + MARGIN, PAGE / 2)
    heading = wrapped(_title(source), page - 2 * MARGIN, SIZE + 1)
    head = HEAD + heading.count("\n") * (SIZE + 1) * 1.2 / 72
    total = head + lines * (height + room)
    figure = sheet(page, total, look.dpi, layout=None)
    figure.text(MARGIN / page, 1 - 0.08 / total, heading, fontsize=SIZE + 1, ha="left", va="top")
    for place, looked in enumerate(source.looked):
        line, column = divmod(place, columns)
        x, y = MARGIN + column * (width + MARGIN), total - head - (line + 1) * height - line * room
        axes = figure.add_axes((x / page, y / total, width / page, height / total))
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        image(axes, looked.pixels, _time(looked))
        for face in looked.faces:
            one = found.get(face.key)
            label = str(face.number)
            if one is not None and columns == 1:
                label += f" {look.classes.names[one.predicted]} {one.adversary['before'][one.predicted]:.2f}"
            _outline(axes, face.place, looked.scale, label)
    return figure


def _title(source: Source) -> str:
    count = len(source.numbers)
    faces = f"{count} face{'' if count == 1 else 's'}"
    if source.kind == "video":
        return f"{source.name}: {faces} in {len(source.looked)} frames"
    return f"{source.name}: {faces}"


def _time(looked: Looked) -> str:
    if looked.seconds is None:
        return ""
    return f"{looked.seconds:.2f} s, frame {looked.frame}{'' if looked.faces else ': no face'}"


def _outline(axes: Axes, place: Placement, scale: float, label: str) -> None:
    corners = place.corners * scale - 0.5
    x, y = corners[0].tolist()
    halo = [withStroke(linewidth=3, foreground=HALO)]
    axes.add_patch(
        Polygon(corners, closed=True, fill=False, edgecolor=SEGMENT_COLOUR, linewidth=1.2, path_effects=halo)
    )
    axes.annotate(
        label, (x, y), (3, -3), textcoords="offset points", fontsize=SIZE + 1, fontweight="bold",
        color=SEGMENT_COLOUR, ha="left", va="top", path_effects=halo,
    )  # fmt: skip
