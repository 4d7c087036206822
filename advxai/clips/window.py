"""Which frames of a video make up a clip, and whose face it shows: the largest one that is in all of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean
from typing import Literal

from advxai.clips.lists import BY_RULE
from advxai.common.positions import equidistant
from advxai.faces.choice import area
from advxai.faces.tracks import Follower, from_left
from advxai.media.retinaface import Detection

Look = Callable[[Sequence[int]], Iterable[tuple[int, list[Detection]]]]  # frames, ascending -> (frame, its faces)
Step = int | Literal["spread"]


class NoClip(Exception):
    """A video gives no clip; the message is the reason."""


class Faces:
    """The faces of a video's frames; each frame is looked at once.

    Args:
        look: finds the faces in some frames.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._known: dict[int, list[Detection]] = {}

    @property
    def looked(self) -> int:
        """Frames looked at so far."""
        return len(self._known)

    @property
    def seen(self) -> int:
        """Those of them with a face."""
        return sum(map(bool, self._known.values()))

    def faceless(self, frames: Iterable[int]) -> bool:
        """One of the frames is known to show no face."""
        return any(not self._known.get(frame, [True]) for frame in frames)

    def knows(self, frames: Iterable[int]) -> bool:
        return all(frame in self._known for frame in frames)

    def of(self, frames: Sequence[int]) -> list[list[Detection]]:
        """The faces of each frame, from left to right.

        Raises:
            NoClip: the video has no such frame.
        """
        if left := [frame for frame in frames if frame not in self._known]:
            self._known |= {frame: from_left(found) for frame, found in self._look(left)}
        if lacking := [frame for frame in frames if frame not in self._known]:
            raise NoClip(f"it has no frame {lacking[0]}")
        return [self._known[frame] for frame in frames]


def followed(faces: Sequence[Sequence[Detection]]) -> tuple[list[Detection], int]:
    """The face of the largest mean area among those that are in all frames, frame by frame; and, of the face that is in
    most frames, their number. No face, if none is in all.

    Args:
        faces: of each frame, from left to right; a face is followed by the overlap of its boxes
            (`advxai.faces.tracks.Follower`).
    """
    follower = Follower()
    tracks: dict[int, list[Detection]] = {}
    for found in faces:
        for number, face in zip(follower([face.box for face in found]), found, strict=True):
            tracks.setdefault(number, []).append(face)
    most = max(map(len, tracks.values()), default=0)
    whole = [track for track in tracks.values() if len(track) == len(faces)]
    return max(whole, key=lambda track: fmean(area(face.box) for face in track), default=[]), most


def chosen(count: int, number: int, step: Step, start: int, faces: Faces) -> tuple[list[int], list[Detection]]:
    """The frames of a clip, and the face in each.

    `spread`: in the middles of as many equal parts of what is left of the video from `start` on. Else frames `step`
    apart: from `start` on, or such that as much of the video is before the clip as behind it (of an odd number the
    smaller part before). If no face is in all of them, the clip moves to the nearest place, in steps of `step`, where
    one is; of two as near to the earlier one. All of the video's frames of these places may be looked at for it.

    Args:
        count: frames of the video.
        number: frames of the clip.
        step: from one of them to the next, or `spread`.
        start: the first frame; BY_RULE: as above.
        faces: of the video.

    Raises:
        NoClip: the video is too short, or no place has a face in all frames.
    """
    if start >= count:
        raise NoClip(f"it has {count} frames, and the clip is to begin with frame {start}")
    if step == "spread":
        first = max(start, 0)
        if count - first < number:
            raise NoClip(f"it has {count - first} frames{_from(start)}, a clip takes {number}")
        frames = (first + equidistant(count - first, number)).tolist()
        face, most = followed(faces.of(frames))
        if not face:
            raise NoClip(_nowhere(most, number, frames, faces))
        return frames, face
    span = (number - 1) * step + 1
    if count < span:
        apart = "" if step == 1 else f", {step} apart,"
        raise NoClip(f"it has {count} frames, a clip of {number}{apart} takes {span}")
    first = (count - span) // 2 if start == BY_RULE else min(start, count - span)
    for place in _places(first, step, count - span):
        frames = list(range(place, place + span, step))
        if place != first and faces.faceless(frames):
            continue
        face, _ = followed(_of(faces, frames, place - first, step, number, count))
        if face:
            return frames, face
    asked = list(range(first, first + span, step))
    raise NoClip(_nowhere(followed(faces.of(asked))[1], number, asked, faces))


def _places(first: int, step: int, last: int) -> Iterator[int]:
    """Where a clip may begin, the nearest to `first` at first."""
    yield first
    for distance in range(step, last + step, step):
        yield from (place for place in (first - distance, first + distance) if 0 <= place <= last)


def _of(faces: Faces, frames: list[int], moved: int, step: int, number: int, count: int) -> list[list[Detection]]:
    """The faces of a clip's frames; of one that has moved, a clip's length of the video is looked at in one go, for
    each look decodes from a keyframe on."""
    if moved and not faces.knows(frames):
        further = range(1, number)
        ahead = [frames[0] - step * n for n in further] if moved < 0 else [frames[-1] + step * n for n in further]
        faces.of(sorted({*frames, *(frame for frame in ahead if 0 <= frame < count)}))
    return faces.of(frames)


def _from(start: int) -> str:
    return "" if start == BY_RULE else f" from frame {start} on"


def _nowhere(most: int, number: int, frames: list[int], faces: Faces) -> str:
    if not faces.seen:
        return f"no face in any of the {faces.looked} frames looked at"
    where = f"of the {number} frames from {frames[0]} to {frames[-1]}"
    more = f", and in all of them at no other place ({faces.looked} frames were looked at)"
    found = f"one face is in only {most} {where}" if most else f"no face is in any {where}"
    return found + (more if faces.looked > number else "")
