"""Drawn clips, a detector that answers by plan, and what is read of the results."""

import json
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np

from advxai.media.retinaface import Detection
from advxai.media.video import write_video

VIDEO = "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"


def face_at(*box) -> Detection:
    return Detection(tuple(map(float, box)), 0.99, np.zeros((5, 2), np.float32))


class Planned:
    """Finds plan[i], faces or a number of equal ones, in the i-th frame it is shown."""

    def __init__(self, *plan, **settings):
        self.plan = [[face_at(20, 20, 40, 30)] * faces if isinstance(faces, int) else faces for faces in plan]
        self.settings, self.shown = {"score": 0.95} | settings, 0

    def detect_batch(self, frames):
        self.shown += len(frames)
        return self.plan[self.shown - len(frames) : self.shown]


class Refuses(Planned):
    def detect_batch(self, frames):
        raise RuntimeError("asked to detect")


def draw(path, frames=10):
    pattern = np.add.outer(np.arange(48), 2 * np.arange(64))[..., None]
    write_video(path, ((pattern + 8 * i + np.array([0, 10, 20])).astype(np.uint8) for i in range(frames)), Fraction(10))


def folder_of(root, row) -> Path:
    """Named by the video and by its bytes."""
    return root / f"{row['video']}-{sha256(Path(row['path']).read_bytes()).hexdigest()[:12]}"


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def frames_of(result):
    return [face["frame"] for face in result.faces]


def boxes_of(result):
    return [tuple(face[name] for name in ("x1", "y1", "x2", "y2")) for face in result.faces]


def settings_of(root, row):
    return json.loads((folder_of(root, row) / "faces.json").read_text())["made_from"]
