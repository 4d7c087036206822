"""What is explained: crops of faces, and where they are from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from advxai.common.arrays import Pixels
from advxai.common.files import printable
from advxai.common.types import Box
from advxai.explain.request import Request
from advxai.media.cut import Placement
from advxai.media.retinaface import Detection


@dataclass(frozen=True, eq=False)
class Face:
    """The crop of one face, in one picture or frame.

    Attributes:
        number: of the face, from 1; the same in all frames of a clip.
        key: names the crop; every draw is seeded by it.
        sha256: of its bytes.
        crop: uint8 (h, w, 3) RGB.
        place: where the crop lies in the picture.
        found: what the face detector says; None: it wasn't asked.
        frame, seconds: of a clip: the frame's index and when it is shown.
        mask: uint8 (h, w), the region that is known to be manipulated (above 0); None: it isn't known.
        category: the run's name of what was done to the face; None: not of the run.
    """

    number: int
    key: str
    sha256: str
    crop: Pixels
    place: Placement
    found: Detection | None = None
    frame: int | None = None
    seconds: float | None = None
    mask: Pixels | None = None
    category: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the crop, in pixels."""
        return self.crop.shape[0], self.crop.shape[1]

    @property
    def box(self) -> Box:
        """What the picture shows of the crop lies in it: x1, y1, x2, y2 in its pixels, x2 and y2 exclusive."""
        return self.place.bounds

    @property
    def item(self) -> dict[str, str]:
        """The crop as the stages take it."""
        return {"key": self.key, "sha256": self.sha256}


@dataclass(frozen=True, eq=False)
class Looked:
    """A picture, or a frame of a clip, that was looked at.

    Attributes:
        pixels: uint8 (h, w, 3), perhaps reduced.
        scale: its pixels over those of the picture.
        faces: those in it, from left to right.
        frame, seconds: as of `Face`.
    """

    pixels: Pixels
    scale: float
    faces: Sequence[Face]
    frame: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """What was asked for, and the faces in it.

    Attributes:
        request: what was asked for.
        kind: a picture, a video, or a crop of the run.
        sha256: of the file or, of a crop, of its bytes.
        size: height and width in pixels.
        faces: by number, then frame.
        looked: the picture, or the frames of a video; none of a crop.
        searched: faces were looked for in it, rather than the whole picture taken for one.
        notes: what the user should know.
        clip_alone: a clip of the video is explained as one, and nothing else: there are no `faces`, and none `looked`.
    """

    request: Request
    kind: Literal["picture", "video", "crop"]
    sha256: str
    size: tuple[int, int]
    faces: Sequence[Face]
    looked: Sequence[Looked] = ()
    searched: bool = False
    notes: list[str] = field(default_factory=list)
    clip_alone: bool = False

    @property
    def name(self) -> str:
        """What it is called in headings and messages: the file's name, or the image's key."""
        return printable(Path(self.request.argument).name) if self.request.kind == "file" else self.faces[0].key

    @property
    def numbers(self) -> list[int]:
        """The faces' numbers."""
        return sorted({face.number for face in self.faces})
