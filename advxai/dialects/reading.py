"""What a detector's file, in a form as people have it, was read as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Note(str):
    """A note that says nothing any more once one of some keys is set.

    Attributes:
        about: the keys, "detector.classes" or "faces.align".
    """

    about: tuple[str, ...]

    def __new__(cls, text: str, *about: str) -> "Note":
        """A note about keys of the configuration."""
        note = super().__new__(cls, text)
        note.about = about
        return note


SIGN = ("detector.classes", "detector.real", "detector.output", "detector.positive")  # keys that say which is fake


@dataclass(frozen=True)
class Reading:
    """What is known of a detector by its file; each part can be set otherwise in the configuration.

    Attributes:
        dialect: name of the form, "DeepfakeBench xception".
        detector: keys of the configuration's `detector` (model, input_size, mean, std, colour, resize, classes, real,
            output, positive, threshold, video_score) as they hold for it; what isn't known is left out.
        faces: keys of the configuration's `faces` by which its faces were cut.
        notes: what the user should know besides, each a sentence; a `Note` as long as its keys aren't set.
        needs: keys of `detector` that must be set since the file doesn't say them: of each group one.
    """

    dialect: str
    detector: Mapping[str, Any]
    faces: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()

    @property
    def said(self) -> dict[str, Any]:
        """As the metadata of our own files say it; `needs` only where there are any."""
        needs = {"needs": [list(group) for group in self.needs]} if self.needs else {}
        faces = {"faces": dict(self.faces)} if self.faces else {}
        return {**self.detector, "dialect": self.dialect} | faces | needs
