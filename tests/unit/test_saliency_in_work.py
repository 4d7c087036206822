"""How many images are in work together, and how full they make the forwards."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from advxai.config.video import Rise3d
from advxai.saliency import stage
from advxai.saliency.stage import in_work
from advxai.video import saliency
from tests.clips import clip, load
from tests.helpers import SIZE, explainer_settings, linear_detector

ROW = 3 * SIZE * SIZE * 4  # bytes


def test_a_twentieth_of_a_gpu_s_memory_and_none_of_a_cpu_s(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * 2**30))
    assert stage.held(torch.device("cuda")) == 4 * 2**30
    assert stage.held(torch.device("cpu")) == 0


@pytest.mark.parametrize(
    ("at_once", "rows", "held", "images"),
    [
        (64, 50, 0, 4),  # two forwards of 64 are three requests of 50; and one more
        (64, 2000, 0, 3),  # requests of 64
        (64, 50, 10 * 50 * ROW, 10),
        (64, 2000, 10 * 50 * ROW, 7),  # 500 rows of memory are seven requests of 64
        (6, 50, 10 * 50 * ROW, 6),
        (64, 50, 2 * 50 * ROW, 4),
    ],
)
def test_images_in_work(monkeypatch, at_once, rows, held, images):
    monkeypatch.setattr(stage, "held", lambda device: held)
    assert in_work(at_once, rows, linear_detector(torch.ones((3, SIZE, SIZE)), forward_batch=64)) == images


@pytest.mark.parametrize(
    ("frames", "masks", "held", "clips"),
    [
        (6, 300, 0, 4),  # 10 clips of 6 frames are 60 rows: two forwards of 64 are three such; and one more
        (6, 2, 0, 12),  # requests of 12 rows
        (6, 300, 9 * 60 * ROW, 9),
        (80, 300, 5 * 80 * ROW, 5),  # a clip is a request
        (80, 300, 99 * 80 * ROW, 20),
    ],
)
def test_clips_in_work(monkeypatch, frames, masks, held, clips):
    """A clip's rows are its frames."""
    asked = []
    monkeypatch.setattr(stage, "held", lambda device: held)
    monkeypatch.setattr(saliency, "drive", lambda works, detector, together, who: asked.append(together) or iter(()))
    detector = linear_detector(torch.ones((3, SIZE, SIZE)), forward_batch=64)
    entry = Rise3d(method="rise3d", baseline="zeros", masks=masks)
    assert not list(saliency.run([clip(1, frames)], load, detector, entry, {}, "mean", 0, 20))
    assert asked == [clips]


@pytest.mark.parametrize(
    ("entry", "most"),
    [
        ({"method": "shap", "evaluations": 300}, 1.08),
        ({"method": "lime", "samples": 300}, 1.04),
    ],
)
def test_forwards_are_full(monkeypatch, entry, most):
    """Rows computed for each one asked for, of 24 images with forwards that are larger than what SHAP asks at once."""
    monkeypatch.setattr(stage, "held", lambda device: 2**30)
    detector = linear_detector(torch.ones((3, SIZE, SIZE)) * 1e-3, forward_batch=128)
    pixels = np.random.default_rng(8).integers(0, 256, (24, 4, 4, 3), dtype=np.uint8)
    items = [{"key": str(number), "sha256": ""} for number in range(24)]
    settings = explainer_settings(baseline="zeros", **entry)
    records = list(stage.run(items, lambda item: pixels[int(item["key"])], detector, settings, 0, 64))
    asked = sum(record["images"] + 1 for record in records)  # and the forward that finds the target
    assert asked == detector.images == 24 * (1 + (entry.get("evaluations") or entry["samples"]))
    assert detector.calls * 128 / asked < most
