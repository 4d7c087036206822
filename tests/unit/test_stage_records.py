"""What the records of the forward-making stages hold; what an image has cost, by a clock that the test sets."""

import itertools
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch

from advxai import adversary, saliency
from advxai.adversary.nes import nes_at_once
from advxai.config.science import Nes
from advxai.detector import engine
from advxai.detector.model import Detector
from advxai.saliency import prepare, stage
from tests.helpers import Clock, explainer_settings, linear_detector, quadrants, reads_segment

FORWARD, PREPARATION = 8.0, 3.0  # seconds
ITEMS = [{"key": f"{number}.png", "sha256": f"hash {number}"} for number in range(2)]


@pytest.fixture
def detector(monkeypatch) -> Detector:
    """Reads segment 5; every forward, of 16 rows, takes FORWARD seconds, and nothing else does."""
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)
    made = reads_segment(5)
    inner = made.forward

    def forward(*given):
        clock.go_on(FORWARD)
        return inner(*given)

    monkeypatch.setattr(made, "forward", forward)
    return made


def bright(_: object) -> np.ndarray:
    """130/255, normalised 0.0196: further than two steps of 1/255 above what is called fake."""
    return np.full((32, 32, 3), 130, np.uint8)


@pytest.mark.parametrize(("at_once", "seconds"), [(1, 3 * FORWARD), (2, 3 * FORWARD / 2)])
def test_an_adversarial_copy_s_cost(detector, at_once, seconds):
    """Two iterations of an image and its 2n = 4 neighbours, and the last stop test: 11 images in 5 calls, but in three
    forwards, for neighbours are foreseen beside the stop test. Two in work together share every forward."""
    records = list(adversary.run(ITEMS, bright, detector, Nes(samples=2, iterations=2), 0, at_once))
    assert [(one["key"], one["sha256"]) for one in records] == [("0.png", "hash 0"), ("1.png", "hash 1")]
    for record in records:
        assert (record["iterations"], record["queries"], record["calls"]) == (2, 11, 5)
        assert record["seconds"] == seconds and not record["success"]
    assert detector.calls == sum(one["seconds"] for one in records) / FORWARD


def test_so_many_attacks_at_once_fill_the_forwards():
    """They ask for one image and for 2n in turn: two more than fill them by n."""
    detector = reads_segment(5)
    assert [nes_at_once(Nes(samples=samples), detector) for samples in (1, 4, 8, 40)] == [35, 11, 7, 4]
    items = [{"key": f"{number}.png", "sha256": ""} for number in range(24)]
    list(adversary.run(items, bright, detector, Nes(samples=4, iterations=2), 0, 24))
    assert detector.images == 24 * 19 and detector.calls <= 24 * 19 / 16 + 4


@pytest.fixture
def prepares_slowly(monkeypatch) -> None:
    """Decoding and segmenting an image takes PREPARATION seconds."""
    ticks = itertools.count()
    monkeypatch.setattr(prepare, "time", SimpleNamespace(perf_counter=lambda: PREPARATION * next(ticks)))


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


class Told(saliency.Explainer):
    """Asks for nothing and returns what it is told to."""

    def explain(self, inputs):
        return EXPLANATION
        yield


EXPLANATION = saliency.Explanation(
    map=np.arange(32 * 32, dtype=np.float32).reshape(32, 32),
    scores=np.arange(16, dtype=np.float32) / 7,
    ranking=np.array([3, 1], np.int16),
    zero=0.25,
)


@pytest.mark.parametrize(("level", "real"), [(130, False), (100, True)])
def test_a_record_holds_the_explanation_and_what_the_detector_said(monkeypatch, level, real):
    """Below the middle of the range an image is called Real."""
    monkeypatch.setattr(stage, "build", lambda settings: Told())
    monkeypatch.setattr(prepare, "segment", lambda unit, normalised, settings: quadrants())
    settings, made = explainer_settings(method="lime", baseline="zeros"), reads_segment(5)
    (record,) = saliency.run(ITEMS[:1], lambda _: np.full((32, 32, 3), level, np.uint8), made, settings, 0, 1)
    assert (record["key"], record["sha256"]) == ("0.png", "hash 0")
    for name in ("map", "scores", "ranking", "zero"):
        np.testing.assert_array_equal(record[name], getattr(EXPLANATION, name))
    np.testing.assert_array_equal(record["segments"], quadrants())
    assert record["called_real"] is real and record["target"] == (0 if real else 1)
    fake = 1 / (1 + np.exp(-6 * (level / 255 - 0.5) / 0.5))
    np.testing.assert_allclose(record["before"], [1 - fake, fake], atol=1e-6)
    assert (record["images"], record["calls"]) == (0, 0)


@pytest.mark.parametrize(("forward_batch", "rows"), [(16, 64), (48, 96), (64, 64), (100, 100)])
def test_a_request_is_made_of_whole_forward_batches(forward_batch, rows):
    """64 rows, rounded up: perturbed images are never all in memory."""
    detector = linear_detector(torch.zeros(3, 32, 32), forward_batch=forward_batch)
    assert engine.whole_batches(stage.CHUNK, detector) == rows


WHY = "it isn't aligned (difference outside over inside 0.60, at most 0.5)"


class Originals:
    """Counterparts of the first image alone: 64 of 255 in segment 5 and 140 in segment 9, else as the image."""

    def image(self, key: str) -> np.ndarray | None:
        if self.reason(key):
            return None
        picture = np.full((2 * 32, 2 * 32, 3), 130, np.uint8)  # of the fake's size, which the detector's input isn't
        for segment, level in ((5, 64), (9, 140)):
            picture[quadrants(2 * 32) == segment] = level
        return picture

    def reason(self, key: str) -> str:
        return "" if key == "0.png" else WHY

    def sha256(self, key: str) -> str:
        return "" if self.reason(key) else "a" * 64


class Fills(saliency.Explainer):
    """Keeps what it is given to fill in with."""

    given: ClassVar[dict[str, torch.Tensor]] = {}

    def explain(self, inputs):
        self.given[inputs.key] = inputs.baseline
        return EXPLANATION
        yield


def test_the_counterpart_fills_in_at_the_detector_s_input(monkeypatch):
    """(64 / 255 - .5) / .5 is -.498 and (140 / 255 - .5) / .5 is .098; the picture is twice the input's size."""
    monkeypatch.setattr(stage, "build", lambda settings: Fills())
    monkeypatch.setattr(prepare, "segment", lambda unit, normalised, settings: quadrants())
    settings = explainer_settings(method="lime", baseline="counterpart")
    made = saliency.run(ITEMS, bright, reads_segment(5), settings, 0, 2, counterparts=Originals())
    assert {one["key"]: one["missing"] for one in made} == {"0.png": "", "1.png": f"no counterpart: {WHY}"}
    assert list(Fills.given) == ["0.png"]
    filling = Fills.given["0.png"]
    assert filling.shape == (3, 32, 32) and filling.dtype == torch.float32
    inner = np.s_[:, 2:6, 2:6]  # a resized picture is smooth at the segments' edges
    blocks = {label: filling.reshape(3, 4, 8, 4, 8)[:, label // 4, :, label % 4][inner] for label in (0, 5, 9)}
    for label, level in ((0, 130), (5, 64), (9, 140)):
        np.testing.assert_allclose(blocks[label], (level / 255 - 0.5) / 0.5, atol=1e-6)


def test_the_segment_in_which_the_counterpart_differs_and_the_detector_reads_comes_first(monkeypatch):
    """Occlusion: filling segment 5 takes p(fake) from that of .0196 to that of -.498 (about), segment 9 nothing."""
    monkeypatch.setattr(prepare, "segment", lambda unit, normalised, settings: quadrants())
    settings = explainer_settings(method="tests.custom:Occlusion", baseline="counterpart")
    made = saliency.run(ITEMS, bright, reads_segment(5), settings, 0, 2, counterparts=Originals())
    record = {one["key"]: one for one in made}["0.png"]
    fake = {level: 1 / (1 + np.exp(-6 * (level / 255 - 0.5) / 0.5)) for level in (130, 64)}
    assert record["ranking"][0] == 5 and record["target"] == 1 and record["images"] == 16
    np.testing.assert_allclose(np.delete(record["scores"], 5), -fake[130], atol=1e-6)
    assert record["scores"][5] == pytest.approx(-fake[64], abs=0.03)  # pixels at the segment's edge are between


@pytest.mark.parametrize(("level", "real"), [(130, False), (100, True)])
def test_an_image_without_its_counterpart_has_a_record_that_says_why_and_what_it_is_called(level, real):
    """From the one forward that every explanation begins with; its own cost is none, its segments are true."""
    settings, detector = explainer_settings(method="lime", baseline="counterpart", samples=40), reads_segment(5)

    def load(item):
        return np.full((32, 32, 3), level, np.uint8)

    (record,) = saliency.run(ITEMS[1:], load, detector, settings, 0, 1, counterparts=Originals())
    assert record["missing"] == f"no counterpart: {WHY}" and (record["images"], record["calls"]) == (0, 0)
    assert detector.images == 1 and record["target"] == (0 if real else 1) and record["called_real"] is real
    fake = 1 / (1 + np.exp(-6 * (level / 255 - 0.5) / 0.5))
    np.testing.assert_allclose(record["before"], [1 - fake, fake], atol=1e-6)
    plain = explainer_settings(method="lime", baseline="zeros", samples=40)
    (other,) = saliency.run(ITEMS[1:], load, reads_segment(5), plain, 0, 1)
    assert set(record) == set(other) and (record["segments"] == other["segments"]).all()
    assert record["before"].tobytes() == other["before"].tobytes() and other["missing"] == ""
    for name, value in other.items():  # of one type, so that both fit into one shard
        assert np.asarray(record[name]).dtype.kind == np.asarray(value).dtype.kind, name
    assert not record["map"].any() and record["map"].shape == (32, 32) and np.isnan(record["zero"])
    assert record["ranking"].tolist() == [] and record["ranking"].dtype == np.int16
    assert record["scores"].shape == other["scores"].shape and not record["scores"].any()


def test_a_missing_neighbour_changes_no_number():
    settings = explainer_settings(method="lime", baseline="counterpart", samples=40)
    alone, both = (
        list(saliency.run(items, bright, reads_segment(5), settings, 0, 2, counterparts=Originals()))
        for items in (ITEMS[:1], ITEMS[::-1])
    )
    found = {one["key"]: one for one in both}["0.png"]
    assert (found["map"] == alone[0]["map"]).all() and (found["images"], found["calls"]) == (40, 3)


def test_without_counterparts_nothing_is_filled_with_them():
    settings = explainer_settings(method="lime", baseline="counterpart")
    with pytest.raises(ValueError, match="needs the counterparts"):
        next(saliency.run(ITEMS, bright, reads_segment(5), settings, 0, 1))
