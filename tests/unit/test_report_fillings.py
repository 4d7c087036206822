"""One image under every filling: what is computed on a linear detector, and what is drawn."""

import numpy as np
import pytest
import torch

from advxai.common.randomness import seed_of
from advxai.config.rows import BASELINES, Baseline
from advxai.report.fillings import Filled, draw, fillings_figure, label_of, read
from advxai.report.nothing import NOTHING
from advxai.report.style import PAGE
from advxai.run.store import write_shard
from advxai.saliency.baselines import fill
from advxai.saliency.fillings import baselines, chosen, filled
from tests.helpers import SIZE, TWO, UNIT, quadrants, reads_segment
from tests.unit.drawing import note_of, readable, same_bytes


def of(*kinds: str, **extra) -> list[Baseline]:
    return [Baseline(kind=kind, **extra) for kind in kinds]


def test_every_kind_once_and_every_blur_in_use():
    used = [*of("zeros", "zeros"), *of("blur", size=128), *of("blur", size=10), *of("blur", size=128)]
    found = baselines(used, adversarial=True)
    assert [(one.kind, one.size) for one in found] == [
        ("segment_mean", 128), ("image_mean", 128), ("zeros", 128), ("blur", 10), ("blur", 128), ("noise", 128),
        ("adversarial", 128),
    ]  # fmt: skip
    assert {one.kind for one in baselines([], adversarial=False)} == set(BASELINES) - {"adversarial", "counterpart"}
    assert [one.std for one in baselines(of("noise", std=0.4), adversarial=False) if one.kind == "noise"] == [0.4]


def test_segments_of_the_first_explainer_that_ranks_enough():
    scores = np.array([0.1, 0.9, 0.5, -1.0])
    few = {"ranking": np.array([1], np.int16), "scores": scores}
    enough = {"ranking": np.array([3, 2, 0, 1], np.int16), "scores": scores}
    name, labels = chosen({"LIME": few, "SHAP": enough, "RISE": enough}, 3)
    assert name == "SHAP" and labels.tolist() == [3, 2, 0]
    none = {"ranking": np.array([], np.int16), "scores": scores}
    name, labels = chosen({"LIME": none, "LIME_adv": few}, 3)
    assert name == "LIME_adv" and labels.tolist() == [1, 2, 0]  # goes on by score


def normalised(value: float) -> torch.Tensor:
    return torch.full((3, SIZE, SIZE), value)


@pytest.fixture
def records() -> list[dict]:
    """A light image (0.4 in normalised units); the detector reads segment 5 alone, of which segment 5 is filled."""
    detector = reads_segment(5)
    kinds = baselines(of("blur", size=4), adversarial=True, counterpart=True)
    pictures = normalised(-0.6), normalised(0.2)
    found = filled("a/b.png", normalised(0.4), quadrants(), [5, 6], kinds, detector, 7, *pictures)
    assert detector.spent == {"images": 1 + 2 * 7, "calls": 1}
    return found


def fake(mean: float) -> float:
    """The detector's p(Fake) where its segment has this mean (gain 6)."""
    return 1 / (1 + np.exp(-6 * mean))


def test_every_picture_goes_through_the_detector(records):
    by_kind = {record["kind"]: record for record in records}
    assert list(by_kind) == ["", *BASELINES]
    means = {"": 0.4, "segment_mean": 0.4, "image_mean": 0.4, "zeros": 0, "adversarial": -0.6, "counterpart": 0.2}
    for kind, mean in means.items():
        for name in ("p_part", "p_whole"):
            assert by_kind[kind][name][1] == pytest.approx(fake(mean), abs=1e-5), kind
    assert by_kind["noise"]["p_part"] == pytest.approx(by_kind["noise"]["p_whole"], abs=1e-6)


def test_pictures_are_filled_where_they_should_be(records):
    record = {one["kind"]: one for one in records}["adversarial"]
    inside = np.isin(quadrants(), [5, 6])
    # normalised 0.4 is 0.7 in [0, 1], -0.6 is 0.2
    assert set(np.unique(record["part"][inside])) == {51} and set(np.unique(record["part"][~inside])) == {178, 179} - {
        178 if 0.7 * 255 > 178.5 else 179
    }
    assert (record["whole"] == 51).all() and record["whole"].dtype == np.uint8


def test_the_noise_is_the_one_that_an_explainer_fills_in(records):
    (settings,) = of("noise")
    generator = np.random.default_rng(seed_of(7, "saliency", "baseline", "a/b.png"))
    same = fill(settings, normalised(0.4), quadrants(), UNIT, adversarial=None, generator=generator)
    pixels = (UNIT.to_unit(same).permute(1, 2, 0).numpy() * 255).round()
    np.testing.assert_array_equal({one["kind"]: one for one in records}["noise"]["whole"], pixels)


@pytest.fixture
def found(records, tmp_path) -> Filled:
    said = {"key": "a/b.png", "category": "Deepfakes", "explainer": "LIME", "labels": np.array([5, 6])}
    write_shard(tmp_path / "fillings.h5", records, said)
    return read(tmp_path / "fillings.h5", TWO)


def test_labels():
    record = {"size": 10, "std": 0.2}
    assert [label_of(record | {"kind": kind}) for kind in BASELINES] == [
        "segment mean", "image mean", "zeros", "blur 10 px", "noise 0.2", "adversarial", "counterpart"
    ]  # fmt: skip


def test_what_is_drawn(found):
    figure = draw(found, "Run r.")
    cells = np.array(figure.axes[: 2 * 8]).reshape(2, 8)
    assert [axes.get_title() for axes in cells[0]] == [
        "image", "segment mean", "image mean", "zeros", "blur 4 px", "noise 0.2", "adversarial", "counterpart"
    ]  # fmt: skip
    assert cells[0, 0].get_xlabel() == f"Fake\np = {fake(0.4):.2f}" and cells[1, 0].get_xlabel() == "segments of\nLIME"
    assert cells[0, 3].get_xlabel() in ("Real\np = 0.50", "Fake\np = 0.50")
    assert cells[0, 6].get_xlabel() == cells[1, 6].get_xlabel() == f"Real\np = {1 - fake(-0.6):.2f}"
    assert [text.get_text() for text in cells[1, 0].texts] == ["1", "2"]
    assert [text.get_text() for axes in cells[:, 1] for text in axes.texts] == [
        "top-2 segments filled in by", "the whole image filled in"
    ]  # fmt: skip
    np.testing.assert_allclose(cells[1, 6].images[0].get_array(), 0.2, atol=1e-3)
    assert note_of(figure).startswith("a/b.png (Deepfakes): its first 2 segments of LIME, or all of it")
    readable(figure, PAGE)


@pytest.mark.parametrize("count", [1, 9])
def test_few_and_many_fillings(found, count):
    clean, *fillings = found.records
    records = [clean, *(fillings * 2)[:count]]
    figure = draw(Filled(found.key, found.category, found.explainer, found.labels, found.classes, records))
    assert sum(axes.get_visible() for axes in figure.axes) == 2 + 2 * count
    readable(figure, PAGE)


def test_the_same_input_gives_the_same_bytes(found, tmp_path):
    same_bytes(lambda path: fillings_figure(found, path, "note", 60), tmp_path)


def test_without_an_image_the_figure_says_so(tmp_path):
    said = {"key": "", "category": "", "explainer": "", "labels": np.zeros(0, np.int16)}
    write_shard(tmp_path / "fillings.h5", [], said)
    found = read(tmp_path / "fillings.h5", TWO)
    (text,) = draw(found, "The run's note.").texts
    assert text.get_text() == f"The run's note.\n{NOTHING}"
    fillings_figure(found, tmp_path / "fillings.png")
    assert (tmp_path / "fillings.png").stat().st_size > 1000
