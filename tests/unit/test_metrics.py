"""Measures of explanations, with numbers worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy
from scipy.stats import mannwhitneyu

from advxai.media.fit import region_over
from advxai.metrics.base import CALLED_REAL
from advxai.metrics.complexity import FLAT, Complexity, entropy, gini, weights
from advxai.metrics.localisation import EMPTY, FULL, NOTHING, Localisation, auc, mass, overlap, pointing, rank_accuracy
from advxai.metrics.restoration import NOT_REAL, Restoration, fall
from advxai.metrics.stage import with_forwards, without_forwards
from advxai.metrics.subjects import NO_MASK, Subjects
from tests.helpers import SIZE, TWO, quadrants, reads_segment

ORDER = [5, 0, 1, 2, 3, 4, *range(6, 16)]
D = math.tanh(1.5)  # between the probabilities of the logits 3 and -3
BRIGHT, DARK = np.full((SIZE, SIZE, 3), 191, np.uint8), np.full((SIZE, SIZE, 3), 64, np.uint8)


def record(ranking: Any = ORDER, **changes: Any) -> dict[str, Any]:
    """An explanation of sixteen square segments: the earlier in the ranking, the higher the score."""
    ranking = np.array(ranking, np.int16)
    scores = np.zeros(16, np.float32)
    scores[ranking] = np.arange(len(ranking), 0, -1)
    maps = {"map": scores[quadrants()], "segments": quadrants(), "scores": scores, "ranking": ranking}
    before = np.array([1 - 1 / (1 + math.exp(-3)), 1 / (1 + math.exp(-3))], np.float32)
    return {**maps, "zero": math.nan, "missing": "", "called_real": False, "before": before, **changes}


class Genuine:
    def __init__(self, picture: np.ndarray | None = DARK, reason: str = "") -> None:
        self.picture, self.why = picture, reason

    def image(self, key: str) -> np.ndarray | None:
        return self.picture

    def reason(self, key: str) -> str:
        return self.why

    def sha256(self, key: str) -> str:
        return "" if self.picture is None else str(int(self.picture[0, 0, 0]))


def subjects(records: dict[str, Any], mask: np.ndarray | None = None, genuine: Genuine | None = None) -> Subjects:
    return Subjects(records, lambda *_: BRIGHT, lambda _: mask, genuine or Genuine(), TWO)


def restored(one: dict[str, Any], genuine: Genuine | None = None, area: float = 0.3, **detector: Any) -> dict[str, Any]:
    """Record of the measure, by a detector that looks at segment 5 alone: logit 3 bright, -3 dark."""
    gain = 6.0 * 127 / (191 - 64)  # 191 and 64 aren't quite at .5 and -.5
    found = with_forwards(
        [{"key": "a", "sha256": "1"}], subjects({"a": one}, None, genuine), Restoration("restoration", area, 3),
        detector.get("detector") or reads_segment(5, gain), at_once=2,
    )  # fmt: skip
    (made,) = found
    names = [column.name for column in Restoration("restoration", area, 3).columns]
    return {**made, **dict(zip(names, made["values"], strict=True))}


def test_the_curve_s_area_by_hand():
    areas, p = np.array([0, 0.1, 0.2, 0.4]), np.array([0.9, 0.5, 0.5, 0.1])
    # falls of 0, .4, .4, .8; at .3 it is .6: (.1 * .2 + .1 * .4 + .1 * .5) / .3
    assert fall(areas, p, 0.3) == pytest.approx(0.11 / 0.3)
    assert fall(areas, p, 0.4) == pytest.approx((0.02 + 0.04 + 0.12) / 0.4)
    assert fall(np.array([0, 1.0]), np.array([0.5, 0.5]), 0.3) == 0
    assert fall(np.array([0, 1.0]), np.array([0.2, 0.6]), 1) == pytest.approx(-0.2)


def test_restoring_the_one_region_that_the_detector_sees():
    found = restored(record())
    assert found["restoration_fall_1"] == pytest.approx(D, abs=0.01)
    # from 0 to 1/16 of the area p falls by D, and stays there
    assert found["restoration"] == pytest.approx(D * (0.3 - 1 / 32) / 0.3, abs=0.01)
    assert [found[f"restoration_flip_{k}"] for k in (1, 2, 3)] == [1, 1, 1]
    assert [found[f"restoration_area_{k}"] for k in (1, 2, 3)] == [1 / 16, 2 / 16, 3 / 16]
    assert found["images"] == 6 and found["areas"].tolist() == pytest.approx([k / 16 for k in range(6)])
    assert found["p"][0] == pytest.approx(1 / (1 + math.exp(-3)))


def test_found_third_it_counts_from_the_third_segment_on():
    found = restored(record([0, 1, 5, *(n for n in range(16) if n not in (0, 1, 5))]))
    assert [found[f"restoration_flip_{k}"] for k in (1, 2, 3)] == [0, 0, 1]
    assert found["restoration"] == pytest.approx(D * (0.3 - 2.5 / 16) / 0.3, abs=0.01)


def test_segments_that_aren_t_ranked_follow_by_score():
    scores = np.zeros(16, np.float32)
    scores[[7, 5]] = 0.5, 0.25
    found = restored(record([0], scores=scores))
    assert [found[f"restoration_flip_{k}"] for k in (1, 2, 3)] == [0, 0, 1]


def test_several_draws_are_averaged():
    other = [0, 1, 2, 5, *(n for n in range(16) if n not in (0, 1, 2, 5))]
    found = restored(record(draws=np.array([ORDER, other], np.int16)))
    assert found["restoration_flip_1"] == 0.5 and found["restoration_flip_3"] == 0.5
    expected = D * ((0.3 - 0.5 / 16) + (0.3 - 3.5 / 16)) / 2 / 0.3
    assert found["restoration"] == pytest.approx(expected, abs=0.01) and found["images"] == 11


def test_the_whole_image_may_be_restored():
    found = restored(record(), area=1.0)
    assert found["areas"][-1] == 1 and found["images"] == 17
    assert found["restoration"] == pytest.approx(D * (1 - 1 / 32), abs=0.01)


@pytest.mark.parametrize(
    ("one", "genuine", "reason", "images"),
    [
        (record(called_real=True), Genuine(), CALLED_REAL, 0),
        (record(missing="no face"), Genuine(), "no face", 0),
        (record(), Genuine(None, "it isn't aligned"), "it isn't aligned", 0),
        (record(), Genuine(BRIGHT), NOT_REAL, 6),
    ],
)
def test_what_can_t_be_restored_is_missing_with_its_reason(one, genuine, reason, images):
    found = restored(one, genuine)
    assert np.isnan(found["values"]).all() and set(found["reasons"].split("\n")) == {reason}
    assert found["images"] == images and len(found["areas"]) == 0


def test_fewer_segments_than_are_counted():
    segments = (np.arange(SIZE * SIZE).reshape(SIZE, SIZE) >= SIZE * SIZE // 2).astype(np.int16)
    two = {"segments": segments, "scores": np.ones(2, np.float32), "map": np.ones((SIZE, SIZE), np.float32)}
    found = restored(record([0, 1]) | two | {"ranking": np.array([1, 0], np.int16)})
    assert found["restoration_area_2"] == 1 and np.isnan(found["restoration_area_3"])
    assert "the image has only 2 segments" in found["reasons"]


# -- localisation ---------------------------------------------------------------------------------------------------
def region(*labels: int) -> np.ndarray:
    return np.isin(quadrants(), labels)


def test_auc_is_that_of_scipy_ties_or_not():
    generator = np.random.default_rng(0)
    for saliency in (generator.random((8, 8)), generator.integers(0, 3, (8, 8)).astype(float)):
        where = generator.random((8, 8)) < 0.3
        expected = mannwhitneyu(saliency[where], saliency[~where]).statistic / (where.sum() * (~where).sum()) - 0.5
        assert auc(saliency, where) == pytest.approx(expected)
    assert auc(np.ones((8, 8)), where) == 0
    assert auc(where.astype(float), where) == 0.5 and auc(-where.astype(float), where) == -0.5


def test_rank_accuracy_by_hand():
    saliency = np.array([[4, 3], [2, 1]], float)
    assert rank_accuracy(saliency, np.array([[True, False], [True, False]])) == 0.5 - 0.5
    assert rank_accuracy(saliency, np.array([[True, True], [False, False]])) == 0.5
    # two of the three tied pixels are in the region of two: each of them counts 2/3
    tied = np.array([[1, 1], [1, 0]], float)
    assert rank_accuracy(tied, np.array([[True, True], [False, False]])) == pytest.approx(2 / 3 - 0.5)
    assert rank_accuracy(np.ones((2, 2)), np.array([[True, False], [False, False]])) == 0


def test_pointing_and_mass_by_hand():
    saliency = np.array([[3, 3], [1, -1]], float)
    left = np.array([[True, False], [True, False]])
    assert pointing(saliency, left) == 0.5
    assert mass(saliency, left, 0.0) == pytest.approx(4 / 7)
    assert mass(saliency, left, math.nan) == pytest.approx((4 + 2) / (4 + 4 + 2))  # from its least value on
    assert mass(saliency + 5, left, math.nan) == pytest.approx((8 + 6) / (8 + 8 + 6 + 4))
    assert math.isnan(mass(-np.ones((2, 2)), left, 0.0))


def test_overlap_is_less_what_chance_gives():
    # areas 1/16 and 4/16 of 1,024 pixels: by chance 16 of them in both
    assert overlap(region(5), region(5, 6, 9, 10)) == pytest.approx(64 / 256 - 16 / (64 + 256 - 16))
    assert overlap(region(0), region(5, 6, 9, 10)) == pytest.approx(-16 / 304)
    assert overlap(region(), region()) == 0
    generator = np.random.default_rng(1)
    mean = np.mean([overlap(generator.random((32, 32)) < 0.2, region(5, 6)) for _ in range(300)])
    assert abs(mean) < 0.003


def localised(one: dict[str, Any], mask: np.ndarray | None, genuine: Genuine | None = None) -> dict[str, Any]:
    measure = Localisation("localisation", 2)
    (made,) = without_forwards([{"key": "a", "sha256": "1"}], subjects({"a": one}, mask, genuine), measure)
    names = [column.name for column in measure.columns]
    reasons = dict(zip((f"why {name}" for name in names), made["reasons"].split("\n"), strict=True))
    return {**dict(zip(names, made["values"], strict=True)), **reasons}


def test_a_map_of_the_mask_itself():
    found = localised(record(), (region(5) * 255).astype(np.uint8))
    assert found["auc_mask"] == 0.5 and found["rank_mask"] == pytest.approx(15 / 16) and found["pointing_mask"] == 1
    assert found["iou_mask_1"] == pytest.approx(1 - 4 / (128 - 4)) and found["why auc_mask"] == ""
    assert found["iou_mask_2"] == pytest.approx(0.5 - 8 / (192 - 8))
    # a difference that is everywhere alike is noise
    assert found["why auc_difference"] == EMPTY and found["pointing_difference"] == 0
    whole = localised(record(), np.full((SIZE, SIZE), 255, np.uint8))
    assert whole["why auc_mask"] == FULL and whole["rank_mask"] == 0 and whole["pointing_mask"] == 1


def test_an_empty_mask_is_no_hit():
    found = localised(record(), np.zeros((SIZE, SIZE), np.uint8), Genuine(BRIGHT))
    for kind in ("mask", "difference"):
        assert found[f"pointing_{kind}"] == 0 and found[f"iou_{kind}_1"] == 0
        assert math.isnan(found[f"auc_{kind}"]) and found[f"why rank_{kind}"] == EMPTY


def test_a_mask_or_counterpart_that_isn_t_known_is_missing_and_not_0():
    found = localised(record(), None, Genuine(None, "012.mp4 isn't there"))
    numbers = [value for name, value in found.items() if not name.startswith("why")]
    assert np.isnan(numbers).all()
    assert found["why pointing_mask"] == NO_MASK and found["why iou_difference_1"] == "012.mp4 isn't there"


def test_a_constant_map_knows_nothing():
    flat = np.zeros((SIZE, SIZE), np.float32)
    found = localised(record(map=flat, zero=0.0), (region(5, 6) * 255).astype(np.uint8))
    assert found["auc_mask"] == 0 and found["rank_mask"] == pytest.approx(0)
    assert found["pointing_mask"] == pytest.approx(1 / 8) and found["why mass_mask"] == NOTHING


def test_random_draws_know_nothing_on_average():
    generator = np.random.default_rng(2)
    draws = np.stack([generator.permutation(16) for _ in range(200)]).astype(np.int16)
    found = localised(record(draws=draws), (region(5, 6, 9) * 255).astype(np.uint8))
    for name in ("auc_mask", "rank_mask", "iou_mask_1", "iou_mask_2"):
        assert abs(found[name]) < 0.03, name


def test_a_mask_is_brought_to_the_map_s_size():
    large = np.zeros((64, 64), bool)
    large[:33, :32] = True
    small = region_over(large, (32, 32))
    assert small[:16, :16].all() and small.sum() == 16 * 16  # half a pixel isn't more than half
    assert region_over(small, (32, 32)) is small


# -- complexity -----------------------------------------------------------------------------------------------------
def test_gini_and_entropy_by_hand():
    assert gini(np.ones(4)) == pytest.approx(0) and entropy(np.ones(4)) == pytest.approx(1)
    assert gini(np.array([0, 0, 0, 2.0])) == pytest.approx(0.75) and entropy(np.array([0, 0, 0, 2.0])) == 0
    # half of the absolute differences over n^2 times the mean: 8 + 4 + 0 ... of (1, 3): 2 * 2 / (2 * 4 * 2)
    assert gini(np.array([1, 3.0])) == pytest.approx(0.25)
    values = np.random.default_rng(0).random(50)
    pairs = np.abs(values[:, None] - values).sum() / (2 * 50**2 * values.mean())
    assert gini(values) == pytest.approx(pairs)
    assert entropy(values) == pytest.approx(scipy_entropy(values) / math.log(50))
    assert entropy(np.ones(1)) == 0


def test_what_a_map_says_whatever_its_sign():
    assert weights(np.array([[-2, 1]], np.float32), 0.0).tolist() == [2, 1]
    assert weights(np.array([[-2, 1]], np.float32), math.nan).tolist() == [0, 3]


def test_complexity_of_maps():
    items = [{"key": key, "sha256": "1"} for key in "abc"]
    flat = np.ones((SIZE, SIZE), np.float32)
    records = {"a": record(), "b": record(map=flat), "c": record(missing="no face")}
    a, b, c = without_forwards(items, subjects(records), Complexity("complexity"))
    scores = np.repeat(np.arange(16), 64)  # the map less its least value
    assert a["values"].tolist() == pytest.approx([gini(scores), entropy(scores)])
    assert b["reasons"].split("\n") == [FLAT] * 2 and c["reasons"].split("\n") == ["no face"] * 2
