"""The figure of one face: what the detector says of it, its adversarial copy, and every explainer's map."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from advxai.common.arrays import Floats
from advxai.common.classes import Classes
from advxai.common.types import Record
from advxai.config.explainers import AnyExplainer
from advxai.explain.explained import Explained
from advxai.report.axes import MASK, Legend, Shown, absent, difference, explanation, image, region
from advxai.report.captions import under_maps
from advxai.report.panels import shown
from advxai.report.sheet import MARGIN, note, note_height, sheet, side_of, squares, wrapped
from advxai.report.style import COPY_BAR, OWN_BAR, PAGE, SIZE, SMALL, Form
from advxai.saliency.ranking import ranking_of

COLUMNS = 4
LINE, TITLE, NAME = 0.125, 9, 0.2  # inches of a line of a caption, points of the title, inches of the names above maps


@dataclass(frozen=True)
class Look:
    """What all figures of one run of `explain` have in common.

    Attributes:
        classes: the detector's.
        model: the detector's name.
        groups: explainers in the order in which they are shown; those of one group differ in their baseline.
        methods: explainer -> its `method`.
        top: how many segments are attacked, and numbered.
        population: which segments these may be, as of `advxai.saliency.ranking.ranking_of`.
        dpi: of the PNG.
        rows: explainer -> its entry, to say what its maps are; of whichever isn't there nothing is said.
        channels: the detector's tokens are channels, as of `advxai.report.captions.meanings`.
    """

    classes: Classes
    model: str
    groups: Sequence[Sequence[str]]
    methods: Mapping[str, str]
    top: int
    population: str
    dpi: int
    rows: Mapping[str, AnyExplainer] = field(default_factory=dict)
    channels: bool = False

    @property
    def names(self) -> list[str]:
        """All explainers."""
        return [name for group in self.groups for name in group]

    def shown(self, one: Explained, name: str, caption: str = "") -> Shown:
        """An explainer's map as what to draw."""
        record = one.maps[name]
        return replace(shown(self.methods[name], record, caption), ranking=ranking_of(record, self.population))

    def said(self, names: Collection[str], forms: Collection[Form]) -> list[str]:
        """What the maps of the explainers that a figure shows are, and what they aren't."""
        return under_maps({name: row for name, row in self.rows.items() if name in names}, forms, self.channels)


def rows_of(groups: Sequence[Sequence[str]], columns: int) -> list[list[str]]:
    """Lines of at most `columns` explainers; a group is not divided unless it is longer than a line."""
    rows: list[list[str]] = [[]]
    for group in groups:
        if rows[-1] and len(rows[-1]) + len(group) > columns:
            rows.append([])
        for name in group:
            if len(rows[-1]) == columns:
                rows.append([])
            rows[-1].append(name)
    return [row for row in rows if row]


def attack_lines(attacks: Sequence[Record], predicted: int, classes: Classes) -> str:
    """What attacking the first 1, 2, ... segments did: a line each, how the probability of the predicted class moved
    and, where that changed, what the face is called then."""
    lines = []
    for k, record in enumerate(attacks, start=1):
        now = int(classes.called(record["after"]))
        moved = f"{record['before'][predicted]:.2f} \N{RIGHTWARDS ARROW} {record['after'][predicted]:.2f}"
        lines.append(f"top {k}: {moved}{'' if now == predicted else f', {classes.names[now]}'}")
    return "\n".join(lines)


def face_figure(one: Explained, title: str, notes: Sequence[str], look: Look) -> Figure:
    """The figure of one crop.

    Above: the crop, its adversarial copy, their amplified difference and the class probabilities of both. Below: the
    explainers' maps in their usual forms, with the first segments numbered and what attacking them did.

    Args:
        one: the crop.
        title: what the crop is of.
        notes: lines under the figure.
        look: see `Look`.
    """
    lines = rows_of(look.groups, COLUMNS)
    side = side_of(PAGE - 2 * MARGIN, COLUMNS, PAGE)
    attacked = max((len(attacks) for attacks in one.attacks.values()), default=0)
    rooms = [2 * LINE + NAME + 0.12, *([max(attacked, 1) * LINE + NAME + 0.06] * len(lines))]
    rooms[-1] -= NAME
    heading = wrapped(f"{title}: called {look.classes.names[one.predicted]} by {look.model}", PAGE - 2 * MARGIN, TITLE)
    head = 0.12 + (heading.count("\n") + 1) * TITLE * 1.2 / 72 + NAME
    forms = frozenset(look.shown(one, name).form for name in one.maps)
    legend = Legend(forms, one.face.mask is not None, look.top, PAGE - 2 * MARGIN)
    text = _text(one, [*look.said(one.maps, forms), *notes], look)
    under = note_height(text, PAGE)
    height = head + len(rooms) * side + sum(rooms) + legend.height + under
    figure = sheet(PAGE, height, look.dpi, layout=None)
    grid = squares(figure, rooms, COLUMNS, side, MARGIN, head)
    figure.suptitle(heading, fontsize=TITLE, x=MARGIN / PAGE, ha="left", y=1 - 0.06 / height, va="top")
    _above(grid[0], one, look)
    for axes in grid[1:].ravel():
        axes.set_visible(False)
    for row, line in zip(grid[1:], lines, strict=True):
        for axes, name in zip(row, line, strict=False):
            axes.set_visible(True)
            _map(axes, one, name, look)
    legend.draw(figure, MARGIN, under)
    note(figure, text)
    return figure


def _text(one: Explained, notes: Sequence[str], look: Look) -> str:
    """What the captions mean, and the notes."""
    called = look.classes.names[one.predicted]
    known = (
        f"Under a map: p({called}) before and after an attack on its first segments alone, and "
        "what the face is called then, if that has changed."
    )
    return "\n".join([*([known] if any(one.attacks.values()) else []), *notes])


def _above(axes: Sequence[Axes], one: Explained, look: Look) -> None:
    before, after = one.adversary["before"], one.adversary["after"]
    face, size = one.display, one.image.shape[:2]
    image(axes[0], face, f"called {look.classes.names[one.predicted]}\np = {before[one.predicted]:.2f}")
    _masked(axes[0], one)
    _titled(axes[0], "face")
    if one.called_real:
        for place, name in zip(axes[1:3], ("adversarial copy", "difference"), strict=True):
            absent(place, size, f"none: it is called\n{look.classes.real_name} already")
            _titled(place, name)
    else:
        iterations = int(one.adversary["iterations"])
        called = int(look.classes.called(after))
        plural = "" if iterations == 1 else "s"
        caption = (
            f"called {look.classes.names[called]}, p = {after[called]:.2f}\nafter {iterations} iteration{plural} of NES"
        )
        image(axes[1], one.copy, caption)
        _titled(axes[1], "adversarial copy")
        difference(axes[2], one.image, one.copy)
        _titled(axes[2], "difference")
    _probabilities(axes[3], before, None if one.called_real else after, look.classes.names)


def _titled(axes: Axes, name: str) -> None:
    axes.set_title(name, fontsize=SIZE + 1, pad=3)


def _masked(axes: Axes, one: Explained) -> None:
    mask = one.mask
    if mask is not None:
        region(axes, mask, one.display.shape[:2], **MASK)


def _probabilities(axes: Axes, before: Floats, after: Floats | None, classes: Sequence[str]) -> None:
    """Bars of each class, its name and numbers above them."""
    _titled(axes, "class probabilities")
    parts = [(before, OWN_BAR)]
    if after is not None:
        parts.append((after, COPY_BAR))
    thick = 0.62 / len(parts)
    for place, name in enumerate(classes):
        numbers = " \N{RIGHTWARDS ARROW} ".join(f"{values[place]:.2f}" for values, _ in parts)
        axes.text(0.015, place - 0.08, name, fontsize=SMALL, va="bottom")
        axes.text(1, place - 0.08, numbers, fontsize=SMALL, va="bottom", ha="right")
        for part, (values, style) in enumerate(parts):
            axes.barh(place + part * thick * 0.55, float(values[place]), thick * 0.5, align="edge", **style)
    axes.set(xlim=(0, 1), ylim=(len(classes) - 0.2, -0.55), xticks=[], yticks=[])
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_linewidth(0.6)
    if after is not None:
        handles = [
            Patch(label=label, **style) for (_, style), label in zip(parts, ("face", "adversarial copy"), strict=True)
        ]
        axes.legend(
            handles=handles, fontsize=SIZE, frameon=False, ncols=2, loc="upper left", bbox_to_anchor=(0, 0),
            borderpad=0, borderaxespad=0.2, handlelength=1.4, columnspacing=1,
        )  # fmt: skip


def _map(axes: Axes, one: Explained, name: str, look: Look) -> None:
    _titled(axes, name)
    if name not in one.maps:
        absent(axes, one.image.shape[:2], "none: there is no\nadversarial copy")
        return
    caption = attack_lines(one.attacks.get(name, ()), one.predicted, look.classes)
    explanation(axes, one.display, look.shown(one, name, caption), look.top)
    _masked(axes, one)
