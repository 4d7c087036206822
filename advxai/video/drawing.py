"""A frame of a film: the face with the map over it, whose it is, and the clip's score over time.

Frames are drawn with Pillow: a figure of matplotlib's takes a second, and a run's films have thousands of frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from advxai.common.arrays import Floats, Labels, Pixels
from advxai.common.files import printable
from advxai.common.types import Record
from advxai.report.fonts import families
from advxai.report.forms import full_at, heat, resized, signed
from advxai.report.polygons import inside, rings
from advxai.report.style import HALO, PLAIN, POSITIVE, SEGMENT_COLOUR, Form, form_of

LETTERS = 12  # pixels high
LINE = 16  # of text
LEFT, RIGHT, ABOVE, BELOW = 26, 8, 8, 8  # around the axes of the score over time
AXES = 46  # pixels high
BAR, BARS = 12, 8  # pixels that a segment's bar with its number has below the axes, of so many segments at most
MARK, CURVE = POSITIVE, PLAIN  # the present frame, the score
GREY, FAINT = (90, 90, 90), (215, 215, 215)
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Score:
    """What the detector says of a clip.

    Attributes:
        name: the clip's, to be read.
        called: what the detector calls it, in words: `called fake (Face2Face 0.62)`.
        p: the clip's p(fake).
        frames: (T,) p(fake) of each frame.
        line: the p(fake) from which a clip is called fake; None: there is no such number.
    """

    name: str
    called: str
    p: float
    frames: Sequence[float]
    line: float | None = None


@dataclass(frozen=True, eq=False)
class MapOverTime:
    """A clip's map, scaled once: the same colour is the same value in all frames.

    Attributes:
        values: (T, h, w) float.
        segments: (T, h, w) integer labels.
        first: the labels that are outlined and numbered, the most important first.
        form: how it is shown; outlines of weights are made for one image, so such a map is shown by its sign.
        zero: the value that stands for no effect; NaN for `heat`.
    """

    values: Floats
    segments: Labels
    first: Sequence[int]
    form: Form
    zero: float
    within: tuple[float, float] = field(init=False)
    full: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "within", (float(self.values.min()), float(self.values.max())))
        full = 0.0 if self.form == "heat" else full_at(self.values - self.zero, self.form)
        object.__setattr__(self, "full", full)

    @classmethod
    def of(cls, method: str, record: Record, top: int) -> "MapOverTime":
        """Of a record of the stage video_saliency."""
        form = form_of(method, record)
        first = [int(label) for label in record["ranking"][:top]]
        return cls(
            record["map"], record["segments"], first, "signed" if form == "outlines" else form, float(record["zero"])
        )

    def over(self, face: NDArray[np.float64], place: int) -> NDArray[np.float64]:
        """The map of one frame over the face (H, W, 3) in [0, 1]."""
        if self.form == "heat":
            return heat(face, self.values[place], self.within)
        return signed(face, self.values[place], self.zero, self.form, self.full)

    def spans(self) -> list[tuple[int, int]]:
        """The first and the last frame of each of the outlined segments."""
        found = []
        for label in self.first:
            frames = np.flatnonzero((self.segments == label).any(axis=(1, 2)))
            found.append((int(frames[0]), int(frames[-1])))
        return found


def face_of(picture: Floats, side: int) -> NDArray[np.float64]:
    """A face (h, w, 3) float in [0, 1] as a square of a film."""
    return np.asarray(resized(np.asarray(picture, np.float64), side), np.float64)


def square(face: NDArray[np.float64], shown: MapOverTime | None, place: int) -> Image.Image:
    """A face with one frame of a map over it, and the outlines of the first segments that this frame has.

    Args:
        face: (side, side, 3) float in [0, 1].
        shown: the clip's map; None: the face alone.
        place: of the frame, from 0.
    """
    coloured = face if shown is None else shown.over(face, place)
    picture = Image.fromarray((coloured.clip(0, 1) * 255).round().astype(np.uint8))
    if shown is not None:
        pen = ImageDraw.Draw(picture)
        for number, label in enumerate(shown.first, start=1):
            region = shown.segments[place] == label
            if region.any():
                _outlined(pen, region, len(face), str(number))
    return picture


def _outlined(pen: ImageDraw.ImageDraw, region: NDArray[np.bool_], side: int, number: str) -> None:
    height, width = region.shape
    thin = 1 if side < 160 else 2
    for ring in rings(region):
        points = [(x * side / width, y * side / height) for x, y in [*ring, ring[0]]]
        pen.line(points, fill=HALO, width=thin + 2, joint="curve")
        pen.line(points, fill=SEGMENT_COLOUR, width=thin)
    x, y = inside(region)
    at = (x * side / width, y * side / height)
    size = max(9, round(side / 16))
    pen.text(at, number, SEGMENT_COLOUR, font(number, size), anchor="mm", stroke_width=thin, stroke_fill=HALO)


@dataclass(frozen=True, eq=False)
class Strip:
    """The score over time: what stays the same of it is drawn once.

    Attributes:
        score: what is drawn.
        width: in pixels.
        spans: first and last frame of the numbered segments, which are drawn under the curve.
        top: how many segments there is room for; the same in all films of a clip, which are so of one size.
    """

    score: Score
    width: int
    spans: Sequence[tuple[int, int]] = ()
    top: int = 0
    still: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "still", self._drawn())

    def x(self, place: float) -> float:
        """Where a frame stands, in pixels."""
        inner = self.width - LEFT - RIGHT
        return LEFT + inner * (place + 0.5) / len(self.score.frames)

    def y(self, p: float) -> float:
        """Where a score stands, in pixels."""
        return ABOVE + AXES * (1 - p)

    def at(self, place: int) -> Image.Image:
        """With the present frame marked: a line, and a disc on the curve."""
        picture = self.still.copy()
        pen = ImageDraw.Draw(picture)
        x, y = self.x(place), self.y(self.score.frames[place])
        pen.line([(x, ABOVE), (x, ABOVE + AXES)], fill=MARK, width=2)
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill=MARK, outline="white")
        return picture

    def _drawn(self) -> Image.Image:
        picture = Image.new("RGB", (self.width, strip_height(self.top)), "white")
        pen = ImageDraw.Draw(picture)
        small = font("1", 9)
        right = self.width - RIGHT
        for value in (0, 1):
            pen.line([(LEFT, self.y(value)), (right, self.y(value))], fill=FAINT)
            pen.text((LEFT - 4, self.y(value)), str(value), GREY, small, anchor="rm")
        if self.score.line is not None:
            y = self.y(self.score.line)
            for start in range(LEFT, right, 8):
                pen.line([(start, y), (min(start + 4, right), y)], fill=GREY)
            pen.text((LEFT - 4, y), f"{self.score.line:.2g}".lstrip("0"), GREY, small, anchor="rm")
        points = [(self.x(place), self.y(p)) for place, p in enumerate(self.score.frames)]
        pen.line(points, fill=CURVE, width=2, joint="curve")
        for x, y in points:
            pen.ellipse([x - 1.5, y - 1.5, x + 1.5, y + 1.5], fill=CURVE)
        each = BAR * min(self.top, BARS) / max(1, self.top)
        for number, (first, last) in enumerate(self.spans):
            y = ABOVE + AXES + BELOW + (number + 0.5) * each
            pen.line([(self.x(first - 0.4), y), (self.x(last + 0.4), y)], fill=GREY, width=3 if each == BAR else 2)
            if each == BAR:  # with more segments their numbers would lie over each other
                pen.text((LEFT - 4, y), str(number + 1), GREY, small, anchor="rm")
        return picture


def strip_height(top: int) -> int:
    """Height of the score over time with bars of so many segments, in pixels; even."""
    return ABOVE + AXES + BELOW + BAR * min(top, BARS) + (4 if top else 2)


def film_size(side: int, top: int) -> tuple[int, int]:
    """Width and height of a film whose face has a side of so many pixels, with room for the bars of so many segments;
    both even, as H.264 wants them."""
    side += side % 2
    return side, side + 3 * LINE + 4 + strip_height(top)


def film(
    faces: Sequence[NDArray[np.float64]], row: str, shown: MapOverTime | None, score: Score, top: int, said: str = ""
) -> Iterator[Pixels]:
    """The frames of a film.

    Args:
        faces: T faces as of `face_of`, with an even side.
        row: whose map it is.
        shown: the map; None: the faces alone.
        score: of the clip.
        top: how many segments there is room for under the curve.
        said: what else the first line says of the row.
    """
    side = len(faces[0])
    width, height = film_size(side, top)
    strip = Strip(score, width, () if shown is None else shown.spans(), top)
    canvas = Image.new("RGB", (width, height), "white")
    heading = f"{row}: {said}" if said else row
    _line(ImageDraw.Draw(canvas), heading, side + 2, width, "black")
    for place, face in enumerate(faces):
        frame = canvas.copy()
        frame.paste(square(face, shown, place), (0, 0))
        pen = ImageDraw.Draw(frame)
        _line(pen, f"{place + 1}/{len(faces)} of {score.name}", side + 2 + LINE, width, GREY)
        # without "called", or the class would be cut off
        text = f"p(fake) {score.frames[place]:.2f}; clip {score.p:.2f}: {score.called.removeprefix('called ')}"
        _line(pen, text, side + 2 + 2 * LINE, width, "black")
        frame.paste(strip.at(place), (0, height - strip_height(top)))
        yield np.asarray(frame)


def _line(pen: ImageDraw.ImageDraw, text: str, top: int, width: int, colour: str | Colour) -> None:
    """A line of text, cut to the width."""
    text = printable(text)
    letters = font(text, LETTERS)
    pen.text((3, top), cut(text, letters, width - 6), colour, letters)


def cut(text: str, letters: ImageFont.FreeTypeFont, width: float) -> str:
    """A text that is no longer than so many pixels: itself, or its beginning and an ellipsis."""
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(f"{text}\N{HORIZONTAL ELLIPSIS}") > width:
        text = text[:-1]
    return f"{text}\N{HORIZONTAL ELLIPSIS}"


def font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """The report's font, or another one that has the text's letters."""
    return _font(families(text)[-1], size)


@cache
def _font(family: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(FontProperties(family=[family])), size)
