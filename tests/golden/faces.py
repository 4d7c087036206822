"""Faces: decoding of the network's answers, square crops, and a video with drawn frames."""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np
import onnxruntime

from advxai.faces.extract import extract_video
from advxai.media.cut import cut, decode_png, encode_png, square_box
from advxai.media.retinaface import Detection, RetinaFace, decode_boxes, decode_points, priors, suppress
from advxai.media.video import write_video
from tests.golden.compare import Near, Values
from tests.golden.pictures import picture

BOXES = [
    (40, 30, 60, 70),
    (-9, 0, 20, 40),
    (180, 80, 210, 100),
    (0, 0, 90, 90),
    (10, 10, 15, 14),
    (33.2, 20.7, 71, 64),
]


class _Session:
    """Answers as a network would, with drawn numbers."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.planes = np.empty(0)

    def run(self, names: None, feed: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        self.planes = feed["input"]
        images, _, height, width = self.planes.shape
        shape, rng = (images, len(priors(height, width))), np.random.default_rng(41)
        face = rng.uniform(0, 1, shape) ** 0.2
        return (
            rng.normal(0, 1.5, (*shape, 4)).astype(np.float32),
            np.stack([1 - face, face], axis=-1).astype(np.float32),
            rng.normal(0, 2, (*shape, 10)).astype(np.float32),
        )


def _network() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, patch.object(onnxruntime, "InferenceSession", _Session):
        network = Path(folder, "net.onnx")
        network.write_bytes(b"")
        detector = RetinaFace(network, max_side=64)
    found = detector.detect(picture(7, 96, 120))
    planes = detector._session.planes
    return {
        "planes": {"shape": planes.shape, "mean": Near(planes.mean((0, 2, 3)), absolute=0.05)},
        "found": len(found),
        "boxes": Near([one.box for one in found[:4]], absolute=1e-3),
        "scores": Near([one.score for one in found[:4]], absolute=1e-5),
        "landmarks": Near(found[0].landmarks, absolute=1e-3),
    }


def _decoded() -> dict[str, Any]:
    rng = np.random.default_rng(42)
    anchors = priors(50, 70)
    chosen = anchors[::37]
    boxes = decode_boxes(chosen, rng.normal(0, 1, (len(chosen), 4)).astype(np.float32))
    points = decode_points(chosen, rng.normal(0, 1, (len(chosen), 10)).astype(np.float32))
    crowd = rng.uniform(0, 40, (40, 2))
    crowd = np.hstack([crowd, crowd + rng.uniform(20, 40, (40, 2))])
    return {
        "priors": [len(anchors), float(anchors.sum())],
        "boxes": Near(boxes, absolute=1e-3),
        "points": Near(points[:, [0, 4]].mean(0), absolute=1e-3),
        "kept": suppress(crowd, rng.permutation(40) / 40, 0.4),
    }


class _Scripted:
    """A detector that finds a face in most frames, and none in the second that it is shown."""

    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, most: int) -> None:
        self.shown, self.most = 0, most

    def detect_batch(self, frames: list[np.ndarray]) -> list[list[Detection]]:
        return [self._detect() for _ in frames]

    def _detect(self) -> list[Detection]:
        self.shown += 1
        one = Detection((20.3 + self.shown, 10.6, 44.1, 40 + self.shown), 0.99, np.zeros((5, 2), np.float32))
        return [one] * (0 if self.shown == 2 else self.most)


def _video() -> dict[str, Any]:
    row = {"video": "original_sequences/a.mp4", "category": "Real", "label": 0, "split": "test", "mask": ""}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row["path"] = str(folder / "a.mp4")
        write_video(folder / "a.mp4", (picture(50 + number, 64, 80) for number in range(14)), Fraction(10), crf=18)
        one, two = (extract_video(row, _Scripted(most), folder / str(most), stride=3, batch=2) for most in (1, 2))
        crops = [decode_png(Path(face["file"]).read_bytes(), face["key"], "") for face in one.faces]
    kept = ("key", "frame", "label", "split", "x1", "y1", "x2", "y2")
    return {
        "faces": [[face[column] for column in kept] for face in one.faces],
        "means": Near([crop.mean() for crop in crops], absolute=0.2),
        "left_out": [*one.left_out, *two.left_out],
    }


def values() -> Values:
    image = picture(8, 100, 200)
    squares = [square_box(box, *image.shape[:2]) for box in BOXES]
    data = encode_png(image)
    return {
        "squares": squares,
        "tight": [square_box(box, 100, 200, scale=1.0) for box in BOXES],
        "cut": [int(cut(image, box).sum()) for box in squares[:3]],
        "png": {
            "kept": bool((decode_png(data, "it", "") == image).all()),
            "bytes": Near(len(data), relative=0.02),
        },
        "decoded": _decoded(),
        "network": _network(),
        "video": _video(),
    }
