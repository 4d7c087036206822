"""What the records of the forward-making stages say an image has cost, by a clock that the test sets."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from advxai import adversary, saliency
from advxai.config.science import Nes
from advxai.detector import engine
from advxai.detector.model import Detector
from advxai.saliency import stage
from tests.helpers import Clock, explainer_settings, reads_segment

FORWARD, PREPARATION = 8.0, 3.0  # seconds
ITEMS = [{"key": f"{number}.png", "sha256": f"hash {number}"} for number in range(2)]


@pytest.fixture
def detector(monkeypatch) -> Detector:
    """Reads segment 5; every forward, of 16 rows, takes FORWARD seconds, and nothing else does."""
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)
    made = reads_segment(5)
    made.watcher = lambda rows: clock.go_on(FORWARD)
    return made


def bright(_: object) -> np.ndarray:
    """130/255, normalised 0.0196: further than two steps of 1/255 above what is called fake."""
    return np.full((32, 32, 3), 130, np.uint8)


@pytest.mark.parametrize(("at_once", "seconds"), [(1, 5 * FORWARD), (2, 5 * FORWARD / 2)])
def test_an_adversarial_copy_s_cost(detector, at_once, seconds):
    """Two iterations of an image and its 2n = 4 neighbours, and the last stop test: 11 images in 5 calls. Two in work
    together share every forward."""
    records = list(adversary.run(ITEMS, bright, detector, Nes(samples=2, iterations=2), 0, at_once))
    assert [(one["key"], one["sha256"]) for one in records] == [("0.png", "hash 0"), ("1.png", "hash 1")]
    for record in records:
        assert (record["iterations"], record["queries"], record["calls"]) == (2, 11, 5)
        assert record["seconds"] == seconds and not record["success"]
    assert detector.calls == sum(one["seconds"] for one in records) / FORWARD


@pytest.fixture
def prepares_slowly(monkeypatch) -> None:
    """Decoding and segmenting an image takes PREPARATION seconds."""
    ticks = itertools.count()
    monkeypatch.setattr(stage, "time", SimpleNamespace(perf_counter=lambda: PREPARATION * next(ticks)))


def test_an_explanation_s_cost(detector, prepares_slowly):
    """One forward finds the target; 40 samples take three more. Its time counts, its image and its call don't."""
    settings = explainer_settings(method="lime", baseline="zeros", samples=40)
    for record in saliency.run(ITEMS, bright, detector, settings, 0, 1):
        assert (record["images"], record["calls"]) == (40, 3)
        assert record["seconds"] == PREPARATION + 4 * FORWARD
        assert (record["adversary_images"], record["adversary_calls"], record["adversary_seconds"]) == (0, 0, 0)


def test_an_explanation_s_share_of_its_adversarial_copy(detector, prepares_slowly):
    settings = explainer_settings(method="lime", baseline="adversarial", samples=40)
    made = {
        item["key"]: (torch.zeros(3, 32, 32), {"queries": 11 + number, "calls": 5 + number, "seconds": 40.5 + number})
        for number, item in enumerate(ITEMS)
    }
    records = saliency.run(ITEMS, bright, detector, settings, 0, 1, lambda item, image: made[item["key"]])
    for record, (_, attack) in zip(records, made.values(), strict=True):
        spent = [record[f"adversary_{name}"] for name in ("images", "calls", "seconds")]
        assert spent == list(attack.values()) and record["seconds"] == PREPARATION + 4 * FORWARD
