"""A list of samples, its images, and a detector whose answers are known by hand."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from advxai.common import parquet
from advxai.common.classes import Classes
from advxai.config import load
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.frames.database import build
from advxai.frames.lists import write_lists
from advxai.run import weights
from advxai.run.paths import Paths
from advxai.samples import images
from advxai.samples.compute import explain
from advxai.samples.lists import read

HEADER = "video_name,label,video_prob,high_low_prob,example_file_name"
MODEL = "tests.unit.samples_data:bright"
HALF = [0.5, 0.5, 0.5]


class Bright(nn.Module):
    """The logit of fake is 4 times the mean of the normalised image, which is in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)
        with torch.no_grad():
            self.head.weight[:] = torch.tensor([[0.0], [4.0]])
            self.head.bias[:] = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.mean(dim=(1, 2, 3))[:, None])


def bright(num_classes: int) -> nn.Module:
    assert num_classes == 2
    return Bright()


def face(grey: int, seed: int = 0) -> bytes:
    """A PNG of 16 x 16 pixels around a grey."""
    noise = np.random.default_rng(seed).integers(-20, 21, (16, 16, 3))
    return cv2.imencode(".png", np.clip(grey + noise, 0, 255).astype(np.uint8))[1].tobytes()


def configured(folder: Path, **changes) -> Paths:
    """A run of a tree of crops; the detector's file is in its place in the store."""
    file = folder / "own.safetensors"
    if not file.exists():
        classes, pixels = Classes.named(("Real", "Fake")), tuple(HALF)
        checkpoint.save(file, Bright(), model=MODEL, preprocessing=Preprocessing(32, pixels, pixels), classes=classes)
    settings = {
        "run": "r",
        "results": str(folder / "results"),
        "corpus": {"kind": "ffpp", "categories": ["Deepfakes"]},
        "frames": {"crops": str(folder / "crops")},
        "detector": {
            "model": MODEL, "checkpoint": str(file), "mean": HALF, "std": HALF, "input_size": 32, "forward_batch": 16,
            "classes": ["Real", "Fake"], "threshold": 0.55, "backend": "torch",
        },
        "explainers": {
            "Gradient": {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"},
            "Copied": {"method": "lime", "baseline": "adversarial", "samples": 20},
            "random": {"method": "random"},
        },
        "samples": {"list": str(folder / "list.csv"), "crops": str(folder / "crops")},
    }  # fmt: skip
    paths = Paths(load(settings | changes))
    if not paths.weights.exists():
        paths.weights.parent.mkdir(parents=True)
        paths.weights.write_bytes(file.read_bytes())
        weights.seal(paths.weights)
    return paths


def listed(paths: Paths):
    """What scripts/samples_list.py leaves: the table, the database, the shards' lists."""
    source = paths.outputs.samples_list
    folder = Path(paths.config.samples.crops)
    table = images.in_folder(read(source), folder, paths.config.corpus.compression, source)
    build(table, paths.outputs.samples_frames)
    parquet.write(table, paths.run / "samples/list.parquet")
    write_lists(table, [paths.run / f"samples/shards/{shard}.json" for shard in paths.shards])
    return table


class Inputs(SimpleNamespace):
    """A rule's inputs, by name."""


def explained(paths: Paths, row: str = "Gradient") -> None:
    """What scripts/samples_shard.py does, for every shard."""
    for shard, output in zip(paths.shards, paths.samples_of(row), strict=True):
        inputs = Inputs(
            images=paths.run / f"samples/shards/{shard}.json",
            frames=str(paths.outputs.samples_frames),
            detector=str(paths.weights),
            weights=str(paths.weights_hash),
        )
        explain(paths, inputs, output, row, shard, 8)
