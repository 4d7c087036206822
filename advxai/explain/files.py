"""The faces of a picture or a video of the user's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.common.positions import equidistant
from advxai.explain.request import Request
from advxai.explain.source import Face, Looked, Source
from advxai.faces.tracks import follow
from advxai.media.cut import Placement, encode_png
from advxai.media.moving import clip_of
from advxai.media.pictures import kind_of, read_picture, reduced
from advxai.media.retinaface import Detection
from advxai.media.rule import Rule

Find = Callable[[Pixels], list[Detection]]
SHOWN = {"picture": 1600, "video": 480}  # longer side of what is kept of a picture or a frame, to be drawn


@dataclass(frozen=True, eq=False)
class _Frame:
    """A picture or a frame, of which only the faces are kept in full."""

    index: int | None
    size: tuple[int, int]
    shown: Pixels
    found: list[Detection]
    crops: list[tuple[Placement, Pixels]]


def of_file(one: Request, find: Find | None, rule: Rule, frames: int) -> Source:
    """The faces of a picture or a video.

    Args:
        one: names the file.
        find: finds the faces of a picture, from left to right; None: the whole picture is taken as a crop.
        rule: where a face's crop lies.
        frames: how many equidistant frames of a video are looked at.

    Raises:
        InputError: the file can't be read, or there is no face in it.
    """
    path = Path(one.argument)
    kind = kind_of(path)
    look = partial(_look, find=find, rule=rule, shown=SHOWN[kind])
    times: dict[int, float] = {}
    if kind == "video":
        clip = clip_of(path)
        indices = equidistant(clip.count, min(clip.count, frames)).tolist()
        looked = [look(index, pixels) for index, pixels in clip.at(indices)]
        times, notes = dict(zip(indices, clip.seconds(indices), strict=True)), list(clip.notes)
    else:
        picture = read_picture(path)
        looked, notes = [look(None, picture.pixels)], list(picture.notes)
    if not looked:
        raise InputError(f"{path} has no frame: give a video that plays")
    if not any(frame.crops for frame in looked):
        raise InputError(_no_face(path, len(looked) if kind == "video" else 0, notes))
    made = _made(path, looked, times)
    faces = sorted((face for frame in made for face in frame.faces), key=lambda face: (face.number, face.frame or 0))
    height, width = looked[0].size
    if find is not None:
        notes += rule.notes
    elif height != width:
        notes.append(
            f"the whole picture, {width} x {height} pixels, is taken as the face and made a square, as the detector "
            "sees it"
        )
    return Source(one, kind, file_sha256(path), (height, width), faces, made, find is not None, notes)


def clip_alone(one: Request) -> Source:
    """A video of which a clip alone is explained: no faces are looked for in single frames.

    Args:
        one: names the file.

    Raises:
        InputError: the file can't be read, or has no frame.
    """
    path = Path(one.argument)
    clip = clip_of(path)
    height, width = next((pixels.shape[:2] for _, pixels in clip.at([0])), (0, 0))
    if not height:
        raise InputError(f"{path} has no frame: give a video that plays")
    return Source(one, "video", file_sha256(path), (height, width), [], notes=list(clip.notes), clip_alone=True)


def _look(index: int | None, pixels: Pixels, find: Find | None, rule: Rule, shown: int) -> _Frame:
    height, width = pixels.shape[:2]
    found = find(pixels) if find else []
    places = [rule.place(face.box, face.landmarks, height, width) for face in found]
    if find is None:
        places = [Placement((0, 0, width, height))]
    crops = [(place, place.cut(pixels).copy()) for place in places]
    return _Frame(index, (height, width), reduced(pixels, shown), found, crops)


def _made(path: Path, looked: list[_Frame], times: dict[int, float]) -> list[Looked]:
    """With the faces numbered, and with the time of each frame."""
    numbered = follow([frame.found for frame in looked])
    made = []
    for frame, numbers in zip(looked, numbered, strict=True):
        seconds = None if frame.index is None else times[frame.index]
        faces = [
            Face(
                number=number,
                key=f"{path.name}/{number}" if frame.index is None else f"{path.name}/{frame.index:05d}_{number}",
                sha256=sha256(encode_png(crop)).hexdigest(),
                crop=crop,
                place=where,
                found=frame.found[place] if frame.found else None,
                frame=frame.index,
                seconds=seconds,
            )
            for place, (number, (where, crop)) in enumerate(zip(numbers or [1], frame.crops, strict=False))
        ]
        made.append(Looked(frame.shown, frame.shown.shape[1] / frame.size[1], faces, frame.index, seconds))
    return made


def _no_face(path: Path, frames: int, notes: Sequence[str]) -> str:
    where = f"in any of the {frames} frames looked at" if frames else "in it"
    seen = f" ({' '.join(notes)})" if notes else ""
    return (
        f"{path}: no face is found {where}{seen}: give a larger or more frontal face"
        f"{', or more frames (--frames)' if frames else ''}, lower faces.score in the configuration, or take the whole "
        "picture as the face (--whole, or explain.whole)"
    )
