"""Clips: which frames, which face, and where the crops lie."""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from advxai.clips.cut import cut_clip
from advxai.clips.listing import spread
from advxai.clips.lists import BY_RULE
from advxai.clips.window import Faces, chosen
from advxai.config.data import Faces as Cropped
from advxai.config.video import Video
from advxai.media.cut import decode_png
from advxai.media.retinaface import Detection
from advxai.media.video import write_video
from tests.golden.compare import Near, Values
from tests.golden.pictures import picture


class _Wanders:
    """Finds a face that is elsewhere in each frame that it is shown, and another size."""

    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.shown = 0

    def detect_batch(self, frames: list[np.ndarray]) -> list[list[Detection]]:
        return [self._detect() for _ in frames]

    def _detect(self) -> list[Detection]:
        self.shown += 1
        x, y = 20.3 + 1.7 * self.shown, 10.6 + 0.4 * self.shown
        points = np.array([[4, 6], [14, 6], [9, 10], [5, 14], [13, 14]], np.float32) + np.float32((x, y))
        return [Detection((x, y, x + 18 + self.shown % 3, y + 21.2), 0.99, points.astype(np.float32))]


def _frames() -> dict[str, list[int]]:
    face = Detection((10, 10, 30, 30), 0.99, np.zeros((5, 2), np.float32))

    def chosen_of(step: Any, start: int) -> list[int]:
        faces = Faces(lambda frames: [(frame, [face] * (frame % 11 != 9)) for frame in frames])
        return chosen(41, 6, step, start, faces)[0]

    cases: list[tuple[Any, int]] = [(1, BY_RULE), (1, 2), (3, BY_RULE), (7, 5), ("spread", BY_RULE), ("spread", 16)]
    return {f"{step} from {start}": chosen_of(step, start) for step, start in cases}


def _cut() -> dict[str, Any]:
    row = {"video": "a.mp4", "category": "Real", "label": 0, "split": "test", "mask": "", "start": BY_RULE}
    made = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row["path"] = str(folder / "a.mp4")
        write_video(folder / "a.mp4", (picture(50 + number, 64, 80) for number in range(11)), Fraction(10), crf=18)
        for crop, align in (("fixed", None), ("followed", None), ("fixed", 32), ("followed", 32)):
            video, faces = Video.model_validate({"frames": 4, "step": 2, "crop": crop}), Cropped(align=align)
            frames = cut_clip(row, _Wanders(), folder / f"{crop}{align}", faces=faces, video=video).frames
            crops = [decode_png(Path(frame["file"]).read_bytes(), "", "") for frame in frames]
            made[f"{crop}, {align}"] = {
                "keys": [frame["key"] for frame in frames],
                "boxes": [[frame[side] for side in ("x1", "y1", "x2", "y2")] for frame in frames],
                "means": Near([crop.mean() for crop in crops], absolute=0.2),
                "seconds": Near([frame["seconds"] for frame in frames], absolute=1e-6),
            }
    return made


def values() -> Values:
    videos = {"A": [f"a{number}" for number in range(5)], "B": [f"b{number}" for number in range(4)]}
    people = {video: video[1] for those in videos.values() for video in those}
    return {"frames": _frames(), "cut": _cut(), "spread": spread(videos, people, 7, 5)}
