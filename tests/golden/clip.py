"""Clip: blocks, the four manipulations on drawn frames, and a whole clip with drawn faces."""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from advxai.corpus.blocks import pairs, plan_blocks
from advxai.corpus.demo import make_clip
from advxai.corpus.manipulations import CATEGORIES, Tracked, manipulate
from advxai.media.retinaface import Detection
from advxai.media.video import read_frames, write_video
from tests.golden.compare import Near, Values
from tests.unit.corpus_faces import synthetic_frame, synthetic_mesh

TARGET = [((80 + i, 64), 30, 0.0) for i in range(3)]  # centre, radius and smile
SOURCE = [((76, 60 + i), 33, 0.06 * i) for i in range(3)]


def _plans() -> dict[str, Any]:
    asked = {
        "short": (100, Fraction(10), {"train": 2, "test": 2}, 1.0, 60.0, 7),
        "film": (472, Fraction(24000, 1001), {"test": 2, "train": 4, "val": 2}, 1.02, 60.0, 0),
        "half": (300, Fraction(30), {"test": 4}, 0.35, 2.0, 996),
    }
    plans = {}
    for name, arguments in asked.items():
        blocks = plan_blocks(*arguments)
        plans[name] = {
            "blocks": [[block.video_id, block.split, block.start, block.stop] for block in blocks],
            "pairs": [f"{target.video_id}_{source.video_id}" for target, source in pairs(blocks)],
        }
    return plans


def _frame(seed: int) -> np.ndarray:
    """Texture lit from the right, as one of the manipulations alters the shading."""
    frame = synthetic_frame(seed)
    light = np.linspace(0.5, 1.3, frame.shape[1])[:, None]
    return np.clip(frame * light, 0, 255).astype(np.uint8)


def _tracked(first: int, faces: list[tuple[tuple[float, float], float, float]]) -> list[Tracked]:
    return [Tracked(_frame(first + i), synthetic_mesh(*face)) for i, face in enumerate(faces)]


def _manipulated(category: str) -> dict[str, Any]:
    """Statistics inside the masks: OpenCV may round some pixels otherwise on another CPU."""
    target = _tracked(0, TARGET)
    made = list(manipulate(category, target, _tracked(9, SOURCE), np.random.default_rng(3)))
    inside = np.concatenate([frame[mask > 0] for frame, mask in made]).astype(float)
    before = np.concatenate([one.frame[mask > 0] for one, (_, mask) in zip(target, made, strict=True)])
    return {
        "frames": len(made),
        "pixels": Near([int((mask > 0).sum()) for _, mask in made], absolute=8),
        "mean": Near(inside.mean(0), absolute=0.05),
        "spread": Near(inside.std(0), absolute=0.05),
        "change": Near(np.abs(inside - before).mean(0), absolute=0.05),
        "quantiles": Near(np.quantile(inside, [0.05, 0.25, 0.5, 0.75, 0.95]), absolute=1.5),
    }


class _Drawn:
    """Finds and fits a face that isn't sought: a stand-in for both networks."""

    def __init__(self) -> None:
        self.fitted = 0

    def detect(self, frame: np.ndarray) -> list[Detection]:
        return [Detection((50, 28, 110, 100), 0.99, np.zeros((5, 2), np.float32))]

    def fit(self, frame: np.ndarray, box: tuple, eyes: np.ndarray) -> np.ndarray:
        self.fitted += 1
        return synthetic_mesh((78 + self.fitted % 4, 64), 30, smile=0.04 * (self.fitted % 3))


def _clip() -> dict[str, Any]:
    """Videos of a clip: frames, and mean and spread of their pixels; x264's choices depend on the CPU."""
    drawn = _Drawn()
    with tempfile.TemporaryDirectory() as name:
        clip, out = Path(name, "clip.mp4"), Path(name, "out")
        write_video(clip, (synthetic_frame(20 + number) for number in range(16)), Fraction(10), crf=12)
        report = make_clip(
            clip, "drawn", {"test": 2}, 5, drawn, drawn, out,
            block_seconds=0.5, gap_seconds=0.4, crf=23, seed=8, progress=False,
        )  # fmt: skip
        videos = {str(path.relative_to(out)): path for path in sorted(out.rglob("*.mp4"))}
        frames = {name: np.stack([frame for _, frame in read_frames(path)]) for name, path in videos.items()}
        size = sum(path.stat().st_size for path in videos.values())
    return {
        "pairs": report.pairs,
        "left_out": report.left_out,
        "bytes": Near(size, relative=0.01),
        "videos": {
            name: {"shape": video.shape, "pixels": Near([video.mean(), video.std()], absolute=0.3)}
            for name, video in frames.items()
        },
    }


def values() -> Values:
    return {
        "plans": _plans(),
        "manipulations": {category: _manipulated(category) for category in CATEGORIES},
        "clip": _clip(),
    }
