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
# Frames looked at to spread a clip's over the face's, for each of a clip: odd, so that of a face that is in all of them
# those in the middles of the clip's own parts are taken; and how many times as many where these are too few.
DENSER, FINER = 5, 3


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
    tracks = _tracks(faces)
    whole = [[face for _, face in track] for track in tracks if len(track) == len(faces)]
    most = max(map(len, tracks), default=0)
    return max(whole, key=lambda track: fmean(area(face.box) for face in track), default=[]), most


def _tracks(faces: Sequence[Sequence[Detection]]) -> list[list[tuple[int, Detection]]]:
    """Each face: the places of the frames that it is in, ascending, and what was found there."""
    follower = Follower()
    tracks: dict[int, list[tuple[int, Detection]]] = {}
    for place, found in enumerate(faces):
        for number, face in zip(follower([face.box for face in found]), found, strict=True):
            tracks.setdefault(number, []).append((place, face))
    return list(tracks.values())


def chosen(count: int, number: int, step: Step, start: int, faces: Faces) -> tuple[list[int], list[Detection]]:
    """The frames of a clip, and the face in each.

    `spread`: evenly over those frames in which the face is seen, see `_spread`. Else frames `step` apart: from `start`
    on, or such that as much of the video is before the clip as behind it (of an odd number the smaller part before). If
    no face is in all of them, the clip moves to the nearest place, in steps of `step`, where one is; of two as near to
    the earlier one. All of the video's frames of these places may be looked at for it.

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
        return _spread(count, number, start, faces)
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


def _spread(count: int, number: int, start: int, faces: Faces) -> tuple[list[int], list[Detection]]:
    """Frames spread evenly over those in which the face is seen.

    DENSER times as many frames as the clip has are looked at, spread evenly over the video, or over what is left of it
    from `start` on, and the face is followed through them. If none is seen in as many as the clip has, FINER times as
    many are looked at, again and again, at last all. Of the frames in which the face is seen those in the middles of
    equal parts are taken or, from `start` on, those that begin equal parts, so that the first is `start` if the face is
    in it, else the first one looked at that shows it.

    Args, Raises: as of `chosen`.
    """
    by_rule = start == BY_RULE
    first = max(start, 0)
    there = count - first
    if there < number:
        raise NoClip(f"it has {there} frames{_from(start)}, a clip takes {number}")
    looked = 0
    wanted = DENSER * number
    while looked < there:
        looked = min(wanted, there)
        frames = [first + place for place in _evenly(there, looked, by_rule)]
        tracks = _tracks(faces.of(frames))
        if long := [track for track in tracks if len(track) >= number]:
            track = max(long, key=lambda one: fmean(area(face.box) for _, face in one))
            taken = [track[place] for place in _evenly(len(track), number, by_rule)]
            return [frames[place] for place, _ in taken], [face for _, face in taken]
        wanted *= FINER
    if not faces.seen:
        raise NoClip(f"no face in any of the {faces.looked} frames looked at")
    most = max(map(len, tracks))
    raise NoClip(f"one face is in only {most} of its {there} frames{_from(start)}, a clip takes {number}")


def _evenly(available: int, number: int, middles: bool) -> list[int]:
    """Positions of `number` <= available frames: the middles of as many equal parts, or their beginnings."""
    if middles:
        return [int(place) for place in equidistant(available, number)]
    return [place * available // number for place in range(number)]


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
