"""Detector: which images are learnt, how they are changed, the learning rate, and two short trainings."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from advxai.common.classes import FIVE
from advxai.config.science import Detector as Settings
from advxai.config.training import Training
from advxai.detector.augment import augment
from advxai.detector.progress import HISTORY
from advxai.detector.schedule import learning_rate
from advxai.detector.train import CHECKPOINT, batches, train
from advxai.frames.sampling import balanced
from advxai.media.fit import fitted
from tests.golden.compare import Near, Values
from tests.golden.pictures import picture

HALF = (0.5, 0.5, 0.5)


class Drop(nn.Module):
    """Dropout by uniform draws of torch's own generator: nn.Dropout's draws are MKL's where torch has it."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand_like(x) < 0.9) if self.training else x


def net(num_classes: int) -> nn.Module:
    """A small network; the convolution has no bias, whose gradient before BatchNorm would be rounding alone."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=3, bias=False), nn.BatchNorm2d(6, momentum=0.01), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), Drop(), nn.Linear(24, num_classes),
    )  # fmt: skip


class _Frames:
    """Pictures by key, in colours that tell the classes."""

    def image(self, key: str) -> np.ndarray:
        label, seed = map(int, key.split("/"))
        tint = np.array([(0, 0, 0), (60, -40, 0), (-40, 60, 0), (0, -40, 60), (60, 60, -60)][label])
        return np.clip(picture(seed) // 2 + 64 + tint, 0, 255).astype(np.uint8)


def _rows(seeds: range) -> pd.DataFrame:
    labels = range(len(FIVE.names))
    return pd.DataFrame(
        [{"key": f"{label}/{100 * label + seed}", "label": label} for label in labels for seed in seeds]
    )


def _trained(
    folder: Path, initial: Path | None, validation: pd.DataFrame, relative: float, **training: Any
) -> dict[str, Any]:
    settings = Settings(
        model=f"{__name__}:net",
        input_size=32,
        mean=HALF,
        std=HALF,
        training=Training(batch=8, learning_rate=0.02, weight_decay=0.3, threads=1, **training),
    )
    threads = torch.get_num_threads()
    try:
        train(settings, _Frames(), _rows(range(5)), validation, seed=3, out_dir=folder, initial=initial)
    finally:
        torch.set_num_threads(threads)
    history = pd.read_csv(folder / HISTORY)
    weights = load_file(folder / CHECKPOINT)
    return {
        "losses": Near(history[["loss", "val_loss"]].to_numpy(), relative=relative),
        "accuracies": history["val_accuracy"].to_numpy(),
        "norms": Near(
            {name: float(value.float().norm()) for name, value in sorted(weights.items())}, relative=relative
        ),
    }


def _trainings() -> dict[str, Any]:
    known = _rows(range(5, 7))
    # what is learnt makes these worse: the first epoch is the best
    misnamed = known.assign(label=(known["label"] + 1) % len(FIVE.names))
    with tempfile.TemporaryDirectory() as name:
        scratch, weights = Path(name, "scratch"), Path(name, "weights")
        first = _trained(scratch, None, misnamed, 1e-3, epochs=3, label_smoothing=0.1, augment=False)
        # OpenCV rounds some pixels of a resized image otherwise on another CPU, and AdamW follows small gradients too
        second = _trained(weights, scratch / CHECKPOINT, known, 2e-2, epochs=1)
    return {"from_scratch": first, "from_weights": second}


def _balance() -> list[int]:
    parts = [
        ("d1", "Deepfakes", "train", 6), ("d2", "Deepfakes", "train", 3), ("f1", "FaceSwap", "train", 10),
        ("f2", "FaceSwap", "train", 10), ("f3", "FaceSwap", "val", 4), ("r1", "Real", "train", 7),
        ("r2", "Real", "train", 9), ("r3", "Real", "train", 8),
    ]  # fmt: skip
    rows = [
        {"video": video, "category": category, "split": split}
        for video, category, split, count in parts
        for _ in range(count)
    ]
    return balanced(pd.DataFrame(rows).assign(row=range(len(rows))), "train", 4, seed=6)["row"].tolist()


def values() -> Values:
    image = picture(9, 50, 40)
    augmented = [augment(image, 32, 50, np.random.default_rng(seed)) for seed in range(6)]
    return {
        "learnt": _balance(),
        "order": [part.tolist() for part in batches(19, 8, np.random.default_rng(0))],
        "rates": Near([learning_rate(step, 24, 0.01) for step in range(24)], relative=1e-12),
        "resized": Near([fitted(image, 32).mean(), fitted(image, 32).std()], absolute=0.05),
        # a decoded JPEG may be another one with another build of OpenCV
        "augmented": [
            Near([one.mean(), one.std(), one[:8].mean(), one[:, :8].mean()], absolute=0.2) for one in augmented
        ],
        "trained": _trainings(),
    }
