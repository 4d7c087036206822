"""A small tree of crops, as other tools leave it."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

METHODS = {"Original": ("000", "001"), "Deepfakes": ("000_001", "001_000"), "FaceSwap": ("000_001",)}


def png(seed: int, size: tuple[int, int] = (20, 16)) -> bytes:
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


def tree(root: Path, sets: Iterable[str] = ("training_set", "test_set"), names: Iterable[str] = ("0_0.png",)) -> Path:
    """Each set has videos of its own, each video files of these names; the bytes of each file are its own."""
    seed = 0
    for number, name in enumerate(sets):
        for method, videos in METHODS.items():
            for video in videos:
                moved = "_".join(f"{int(part) + 10 * number:03d}" for part in video.split("_"))
                folder = root / name / method / moved
                folder.mkdir(parents=True)
                for file in names:
                    seed += 1
                    (folder / file).write_bytes(png(seed))
    return root
