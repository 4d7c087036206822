"""By which rule a face is cut out of its frame, as a detector's authors did it."""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from advxai.common.types import Box, Edges
from advxai.config.data import EdgeRule, Faces, Margins
from advxai.media.align import Points, similarity, template
from advxai.media.cut import Placement, rounded, square_box

STANDS_IN = "RetinaFace's five points stand in for those that the detector's authors found their faces by."
AT_EDGES = {
    "shift": "moved inside the frame",
    "clip": "cut off at the frame's edges",
    "shrink": "made smaller at the frame's edges",
    "pad": "black beyond the frame",
}


@dataclass(frozen=True)
class Rule:
    """Where the crop of a face lies. Attributes are keys of the configuration's `faces`."""

    scale: float = 1.3
    margins: Margins | None = None
    square: bool = True
    edges: EdgeRule = "shift"
    align: int | None = None

    @classmethod
    def of(cls, faces: Faces) -> "Rule":
        """The configuration's."""
        return cls(**{field.name: getattr(faces, field.name) for field in fields(cls)})

    @property
    def settings(self) -> dict[str, Any]:
        """What a crop is made by: `scale`, and what is younger than many a crop if it isn't at its default."""
        younger = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "scale"}
        plain = Rule()
        changed = {name: value for name, value in younger.items() if value != getattr(plain, name)}
        return {"scale": self.scale} | {k: list(v) if isinstance(v, tuple) else v for k, v in changed.items()}

    @property
    def words(self) -> str:
        """The rule in a few words."""
        if self.align is not None:
            return (
                f"turned and scaled to {self.align} pixels, eyes, nose and mouth as in ArcFace's template, "
                f"with a margin by {self.scale:g}"
            )
        margins = "" if self.margins is None else " and margins of " + ", ".join(f"{part:g}" for part in self.margins)
        shape = "square of the longer side of the face's box" if self.square else "the face's box"
        return f"{shape}{margins}, times {self.scale:g}, {AT_EDGES[self.edges]}"

    @property
    def notes(self) -> list[str]:
        """What a reader should know of such crops."""
        return [STANDS_IN] if self.align is not None else []

    def place(self, box: Edges, landmarks: Points, height: int, width: int) -> Placement:
        """Where a face's crop lies.

        Args:
            box: the face's x1, y1, x2, y2 in pixels; it may reach past the frame.
            landmarks: its five points (5, 2), in pixels; `align` alone needs them.
            height, width: of the frame, in pixels.
        """
        if self.align is not None:
            return self._warped(landmarks, height, width, self.align)
        x1, y1, x2, y2 = box
        if self.margins is not None:
            left, top, right, bottom = self.margins
            x1, x2 = x1 - left * (x2 - x1), x2 + right * (x2 - x1)
            y1, y2 = y1 - top * (y2 - y1), y2 + bottom * (y2 - y1)
        if self.square and self.edges == "shift":
            return Placement(square_box((x1, y1, x2, y2), height, width, self.scale))
        sides = [x2 - x1, y2 - y1]
        if self.square:
            sides = [max(sides)] * 2
        spans = [
            self._span(low, high, side, limit)
            for low, high, side, limit in zip((x1, y1), (x2, y2), sides, (width, height), strict=True)
        ]
        if self.square and self.edges == "shrink":
            least = min(high - low for low, high in spans)
            spans = [(low, low + least) for low, _ in spans]
        (left_, right_), (top_, bottom_) = spans
        crop = left_, top_, right_, bottom_
        bounds = _inside(crop, height, width)
        reaches = self.edges == "pad" and bounds != crop and _inside(bounds, crop[3], crop[2]) == bounds
        return Placement(bounds, reaching=crop) if reaches else Placement(bounds)

    def _span(self, low: float, high: float, side: float, limit: int) -> tuple[int, int]:
        """First pixel of a crop and the one after its last, in one direction, in a frame of `limit` pixels."""
        if self.edges == "shrink":  # as FF++'s own code counts
            length = max(1, int(self.scale * side))
            first = min(max(math.floor((low + high) / 2) - length // 2, 0), limit - 1)
            return first, first + min(length, limit - first)
        length = max(1, rounded(self.scale * side))
        if self.edges == "shift":
            length = min(length, limit)
        first = rounded((low + high - length) / 2)
        if self.edges == "shift":
            first = min(max(first, 0), limit - length)
        return first, first + length

    def _warped(self, landmarks: Points, height: int, width: int, side: int) -> Placement:
        (a, b, c), (d, e, f) = similarity(landmarks, template(side, self.scale)).tolist()
        whole = Placement((0, 0, width, height), matrix=((a, b, c), (d, e, f)), side=side)
        low, high = np.floor(whole.corners.min(axis=0)).astype(int), np.ceil(whole.corners.max(axis=0)).astype(int)
        bounds = _inside((int(low[0]), int(low[1]), int(high[0]), int(high[1])), height, width)
        return Placement(bounds, matrix=whole.matrix, side=side)


def _inside(box: Box, height: int, width: int) -> Box:
    """What of a box lies in a frame; a pixel at its edge, where nothing does."""
    x1, y1 = min(max(box[0], 0), width - 1), min(max(box[1], 0), height - 1)
    return x1, y1, max(min(box[2], width), x1 + 1), max(min(box[3], height), y1 + 1)
