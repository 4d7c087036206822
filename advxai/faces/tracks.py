"""Several faces of a video, each followed from frame to frame by the overlap of its boxes."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from advxai.common.types import Edges
from advxai.faces.choice import Several, chooser, overlap
from advxai.media.retinaface import Detection

Taker = Callable[[int, list[Detection]], list[tuple[int, Detection]]]
FOLLOWED = 0.1  # intersection over union from which a box goes on from that in an earlier frame
NO_FACE, LOST = "no face found", "no face found that overlaps the one followed"
OTHERS = "no face found of those that are followed"


def taker(several: Several, tracks: int | None) -> Taker:
    """A function that takes the index and the faces (none or more) of one frame of a video after the other.

    It returns the faces to cut out, each with its number: 0 of the one that `chooser` takes; where `tracks` is given,
    all faces as `Follower` numbers them, for only the whole video tells which of them are taken (`most_seen`).
    """
    if tracks is None:
        choose = chooser(several)

        def one(index: int, found: list[Detection]) -> list[tuple[int, Detection]]:
            face = choose(index, found) if found else None
            return [] if face is None else [(0, face)]

        return one
    follower = Follower()

    def each(_: int, found: list[Detection]) -> list[tuple[int, Detection]]:
        faces = from_left(found)
        return list(zip(follower([face.box for face in faces]), faces, strict=True))

    return each


class Follower:
    """Numbers the faces of one frame of a clip after the other, from 1, so that a face keeps its number.

    A box goes on from the last one of the face that it overlaps most with; one that overlaps with none is a new face.
    """

    def __init__(self) -> None:
        self._last: dict[int, Edges] = {}

    def __call__(self, boxes: Sequence[Edges]) -> list[int]:
        """The numbers of a frame's faces.

        Args:
            boxes: from left to right, which is the order in which new faces are numbered.
        """
        last = self._last
        pairs = [
            (overlap(box, before), number, place) for place, box in enumerate(boxes) for number, before in last.items()
        ]
        pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
        mine: dict[int, int] = {}
        for common, number, place in pairs:
            if common >= FOLLOWED and place not in mine and number not in mine.values():
                mine[place] = number
        for place, box in enumerate(boxes):
            mine.setdefault(place, len(last) + 1)
            last[mine[place]] = box
        return [mine[place] for place in range(len(boxes))]


def follow(frames: Iterable[Sequence[Detection]]) -> list[list[int]]:
    """`Follower`'s numbers, frame by frame.

    Args:
        frames: the faces of one frame after the other, each from left to right.
    """
    follower = Follower()
    return [follower([face.box for face in faces]) for faces in frames]


def from_left(found: Iterable[Detection]) -> list[Detection]:
    """Faces from left to right, by their middles."""
    return sorted(found, key=lambda face: (face.box[0] + face.box[2], face.box[1]))


def most_seen(areas: Mapping[int, Collection[float]], most: int) -> dict[int, int]:
    """Which of the faces followed are taken, and their tracks.

    Args:
        areas: number of a face, as `Follower` gives it -> area of its box in each frame that it is in.
        most: how many are taken at most.

    Returns:
        Number -> track, from 0 in the order of the numbers: of the faces that are in most frames, of equally many those
        whose boxes are larger on average.
    """
    taken = sorted(areas, key=lambda number: (-len(areas[number]), -sum(areas[number]) / len(areas[number]), number))[
        :most
    ]
    return {number: track for track, number in enumerate(sorted(taken))}


def kept(faces: list[dict[str, Any]], tracks: Mapping[int, int], folder: Path) -> list[dict[str, Any]]:
    """Those of the faces cut out that are taken, named by their tracks; the files of the others are deleted.

    Args:
        faces: entries of a video's record, named by the numbers of `Follower`.
        tracks: of `most_seen`.
        folder: of the crops.
    """
    taken = []
    for face in faces:
        if number_of(face["name"]) in tracks:
            taken.append(face)
        else:
            (folder / face["name"]).unlink()
    # a track is below its number: the name that it takes was a lower number's, which has its own by now or is deleted
    for face in sorted(taken, key=lambda face: number_of(face["name"])):
        old = face["name"]
        face["name"] = f"{face['frame']:05d}_{tracks[number_of(old)]}.png"
        (folder / old).rename(folder / face["name"])
    return sorted(taken, key=lambda face: face["name"])


def lacking(faces: Iterable[Mapping[str, Any]], tracks: int, looked: Mapping[int, bool]) -> list[tuple[int, str]]:
    """The frames in which a track isn't seen, and why or which."""
    seen = {(face["frame"], number_of(face["name"])) for face in faces}
    lines = []
    for index, there in looked.items():
        absent = [str(track) for track in range(tracks) if (index, track) not in seen]
        if len(absent) == tracks:
            lines.append((index, OTHERS if there else NO_FACE))
        elif absent:
            lines.append((index, f"track{'s' if len(absent) > 1 else ''} {', '.join(absent)} not seen in it"))
    return lines


def number_of(name: str) -> int:
    """What a crop's name ends with: the track, or the number of a face that is followed."""
    return int(name.removesuffix(".png").rpartition("_")[2])
