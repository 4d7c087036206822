"""How decoded pixels are meant to be shown: upright, square, without combs, on white; and what isn't done of that."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError

PROGRESSIVE = (0, 1)  # AVFieldOrder: unknown, progressive
HDR = {16: "PQ", 18: "HLG"}  # AVColorTransferCharacteristic
UNSEEN = Fraction(1, 50)  # pixels less far from square are taken for square: nobody sees it, and no sample is moved
MOST = Fraction(16)  # no camera's pixels are so far from square
SLANT = 0.01  # of a matrix's entry beside the larger one: less is rounding
UPRIGHT = ((1, 0), (0, 1))

Turn = tuple[tuple[int, int], tuple[int, int]]


def on_white(rgba: NDArray[np.uint8]) -> tuple[Pixels, str]:
    """A picture (H, W, 4) as a viewer shows it on a white page, (H, W, 3); and a note, where it isn't opaque."""
    alpha = rgba[..., 3:]
    clear = float(np.mean(alpha < 255))
    if not clear:
        return np.ascontiguousarray(rgba[..., :3]), ""
    seen = rgba[..., :3].astype(np.uint16) * alpha + 255 * (255 - alpha.astype(np.uint16))
    share = f"{100 * clear:.0f} %" if clear >= 0.01 else "less than 1 %"
    return ((seen + 127) // 255).astype(np.uint8), f"It is transparent in {share} of its area and is shown on white."


def hdr_note(transfer: int) -> str:
    """What to say of a transfer characteristic, as H.273 numbers them; nothing of one for ordinary screens."""
    if transfer not in HDR:
        return ""
    return f"Its colours are HDR ({HDR[transfer]}) and are taken without tone mapping: paler than they are meant to be."


def interlaced(stream: av.VideoStream) -> bool:
    """Whether a stream is said to hold half-pictures, of which two make a frame."""
    return stream.codec_context.field_order not in PROGRESSIVE


class Decoded(NamedTuple):
    """A frame, when it is shown, and whether it was made of half-pictures."""

    time: int | None
    frame: av.VideoFrame
    combed: bool


def decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[Decoded]:
    """Every frame, decoded from the start; from the first interlaced one on those that are have no combs."""
    comb: _Comb | None = None
    for frame in container.decode(stream):
        if comb is None and not frame.interlaced_frame:
            yield Decoded(frame.pts, frame, False)
            continue
        if comb is not None and not comb.fits(frame):  # the filter would read past a smaller one's end
            yield from comb.rest()
            comb = None
        comb = comb or _Comb(frame, stream.time_base)
        yield from comb.push(frame)
    if comb is not None:
        yield from comb.rest()


class _Comb:
    """FFmpeg's filter that makes frames of half-pictures, for frames like the given one; it is a frame behind."""

    def __init__(self, frame: av.VideoFrame, base: Fraction | None) -> None:
        self._like = frame.width, frame.height, frame.format.name
        self._given: deque[tuple[int | None, bool]] = deque()
        self._graph = Graph()
        width, height, _ = self._like
        source = self._graph.add_buffer(
            width=width, height=height, format=frame.format, time_base=base or Fraction(1, 1000)
        )
        comb = self._graph.add("bwdif", mode="send_frame", deint="interlaced")  # it leaves progressive frames alone
        sink = self._graph.add("buffersink")
        source.link_to(comb)
        comb.link_to(sink)
        self._graph.configure()

    def fits(self, frame: av.VideoFrame) -> bool:
        return (frame.width, frame.height, frame.format.name) == self._like

    def push(self, frame: av.VideoFrame) -> Iterator[Decoded]:
        self._given.append((frame.pts, bool(frame.interlaced_frame)))
        self._graph.push(frame)
        yield from self._pulled()

    def rest(self) -> Iterator[Decoded]:
        """The frames that are left; none may be pushed any more."""
        self._graph.push(None)
        yield from self._pulled()

    def _pulled(self) -> Iterator[Decoded]:
        while True:
            try:
                frame = cast("av.VideoFrame", self._graph.pull())
            except (av.BlockingIOError, av.EOFError):
                return
            time, combed = self._given.popleft()
            yield Decoded(time, frame, combed)


class Shown:
    """Frames of one stream as RGB pixels.

    Args:
        path: the file. stream: of it.
        notes: on the choice of the stream.
        square: a file's pixels that aren't square are made so.

    Attributes:
        notes: what the user should know, of the frames that were shown so far.
    """

    def __init__(self, path: Path, stream: av.VideoStream, notes: tuple[str, ...] = (), square: bool = True) -> None:
        self.notes = list(notes)
        self._path = path
        self._pixel = pixel_of(stream) if square else Fraction(1)
        self._size: tuple[int, int] | None = None

    def rgb(self, frame: av.VideoFrame, combed: bool = False) -> Pixels:
        """uint8 (H, W, 3), with square pixels, upright; `combed`: it was made of half-pictures.

        Raises:
            InputError: the frame has another size than those before.
        """
        size = frame.width, frame.height
        if self._size is None:
            self._size = size
            self._note(hdr_note(int(frame.color_trc)))
        elif size != self._size:
            (width, height), (now, high) = self._size, size
            raise InputError(
                f"{self._path} changes from {width} x {height} to {now} x {high} pixels: encode it anew at one size."
            )
        if combed:
            self._note("It is interlaced: half-pictures of two moments, of which frames are made (bwdif).")
        turn = turn_of(frame)
        if turn is None:
            self._note("It is meant to be turned by an angle that isn't a right one, and is shown as it is.")
        return turned(self._square(frame), turn or UPRIGHT)

    def _square(self, frame: av.VideoFrame) -> Pixels:
        scaled: dict[str, Any] = {}
        if self._pixel != 1:
            width, height = square_size(frame.width, frame.height, self._pixel)
            scaled = {"width": width, "height": height, "interpolation": "BICUBIC"}
            ratio = f"{self._pixel.numerator}:{self._pixel.denominator}"
            self._note(
                f"Its pixels are {ratio}, so that {frame.width} x {frame.height} are shown as {width} x {height}."
            )
        if has_alpha(frame):
            image, note = on_white(cast("Pixels", frame.to_ndarray(format="rgba", **scaled)))
            self._note(note)
            return image
        return cast("Pixels", frame.to_ndarray(format="rgb24", **scaled))

    def _note(self, note: str) -> None:
        if note and note not in self.notes:
            self.notes.append(note)


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether a frame may be transparent."""
    return any(part.is_alpha for part in frame.format.components)


def pixel_of(stream: av.VideoStream) -> Fraction:
    """Width of a pixel over its height; 1 where it isn't said, can't be seen, or can't be meant."""
    ratio = stream.sample_aspect_ratio
    if not ratio or not 1 / MOST <= ratio <= MOST or abs(ratio - 1) < UNSEEN:
        return Fraction(1)
    return Fraction(ratio)


def square_size(width: int, height: int, pixel: Fraction) -> tuple[int, int]:
    """Width and height of a picture with square pixels, of which neither is less than before."""
    return (round(width * pixel), height) if pixel > 1 else (width, round(height / pixel))


def turn_of(frame: av.VideoFrame) -> Turn | None:
    """How a frame's place (x, y) moves when it is shown, from its display matrix: rows of a matrix of -1, 0 and 1.

    None: not by right angles and mirrors.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d, *_ = (int(value) for value in np.frombuffer(bytes(cast("bytes", matrix)), np.int32))
    largest = max(map(abs, (a, b, c, d)))
    if not largest:
        return UPRIGHT  # no picture would be left of it
    (right, over), (under, down) = ([_sign(value / largest) for value in row] for row in ((a, c), (b, d)))
    if (right, down, over, under).count(0) != 2 or bool(right) != bool(down):
        return None
    return (right, over), (under, down)


def _sign(value: float) -> int:
    return 0 if abs(value) < SLANT else 1 if value > 0 else -1


def turned(image: Pixels, turn: Turn) -> Pixels:
    """A picture (H, W, 3) upright: turned and mirrored as `turn_of` says."""
    if turn == UPRIGHT:
        return image
    (right, over), (under, down) = turn
    if over:  # x and y are exchanged
        image = image.transpose(1, 0, 2)
    return np.ascontiguousarray(image[:: under + down, :: right + over])
