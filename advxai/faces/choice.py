"""Which frames of a video are looked at, and which of a frame's faces is taken."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from advxai.common.arrays import Pixels
from advxai.common.positions import equidistant
from advxai.common.types import Edges
from advxai.media.retinaface import Detection
from advxai.media.video import check_whole, count_frames, read_at, read_frames

Several = Literal["skip_video", "largest", "track"]
Chooser = Callable[[int, list[Detection]], Detection | None]


class Rejected(Exception):
    """The whole video leaves the population; the message is the reason."""


def chosen_frames(path: Path, stride: int, frames_per_video: int | None) -> Iterator[tuple[int, Pixels]]:
    """(index, frame) of `frames_per_video` equidistant frames or, where that is None, of every `stride`-th.

    Raises:
        InputError: the video can't be read or is truncated.
    """
    if frames_per_video is None:
        check_whole(path)
        return read_frames(path, stride=stride)
    count = count_frames(path)
    return read_at(path, equidistant(count, min(count, frames_per_video)).tolist())


def chooser(several: Several) -> Chooser:
    """A function that takes the index and the faces (one at least) of one frame of a video after the other.

    It returns the face to use, or None if the frame has none of use.
        skip_video: the only one; it raises Rejected if there are more.
        largest: the one with the largest box.
        track: the largest in the first frame; then the one whose box has the greatest intersection over union with the
            last one returned, None if all have none.
    """
    choosers: dict[Several, Chooser] = {"skip_video": _only, "largest": _largest, "track": _Track()}
    return choosers[several]


def area(box: Edges) -> float:
    """Of a box x1, y1, x2, y2, in square pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(one: Edges, other: Edges) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (area(one) + area(other) - width * height)


def _only(index: int, found: list[Detection]) -> Detection:
    if len(found) > 1:
        raise Rejected(f"{len(found)} faces in frame {index}")
    return found[0]


def _largest(index: int, found: list[Detection]) -> Detection:
    return max(found, key=lambda face: area(face.box))


class _Track:
    def __init__(self) -> None:
        self._last: Edges | None = None

    def __call__(self, index: int, found: list[Detection]) -> Detection | None:
        last = self._last
        if last is None:
            face = _largest(index, found)
        else:
            face = max(found, key=lambda face: overlap(face.box, last))
            if not overlap(face.box, last):
                return None
        self._last = face.box
        return face
