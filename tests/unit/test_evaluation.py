"""Segment attacks and the rows made of them."""

import numpy as np
import pytest
import torch

from advxai.adversary import attack, gaussian_noise
from advxai.common.classes import FIVE
from advxai.config.science import Nes
from advxai.evaluation.attacks import run
from advxai.evaluation.masks import attack_items, mask_id
from advxai.evaluation.rows import evaluation_rows
from advxai.saliency.ranking import missing_of, ranking_of, top_mask
from tests.helpers import TWO, UNIT, drive_one, quadrants, reads_segment

KEY = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000_0.png"
ITEM = {"key": KEY, "sha256": "h", "category": "Deepfakes", "label": 3}


def saliency(*ranking: int) -> dict:
    return {"segments": quadrants(), "ranking": np.array(ranking, np.int16), "called_real": False}


def test_top_k_is_cumulative():
    record = saliency(5, 0, 9, 2)
    for k, labels in ((1, {5}), (2, {5, 0}), (3, {5, 0, 9})):
        assert set(quadrants()[top_mask(record, k)]) == labels


def test_the_same_pixels_have_the_same_name():
    one, other = saliency(5, 0, 9), saliency(0, 5, 9)
    assert mask_id(top_mask(one, 2)) == mask_id(top_mask(other, 2))
    assert mask_id(top_mask(one, 1)) != mask_id(top_mask(other, 1))


def bright(_: object) -> np.ndarray:
    """130/255, normalised 0.0196: a few steps of 1/255 above the threshold of `reads_segment`."""
    return np.full((32, 32, 3), 130, np.uint8)


def test_attacking_the_segment_that_is_read_flips_and_no_other_does():
    records = {KEY: saliency(9, 2, 5)}
    attacks = attack_items([ITEM], records, top=3)
    assert [int(item["pixels"].sum()) for item in attacks] == [64, 128, 192]
    assert {(item["key"], item["sha256"]) for item in attacks} == {(KEY, "h")}
    detector = reads_segment(5)
    outcomes = {
        one["mask"]: one for one in run(attacks, bright, detector, Nes(samples=64, iterations=30), seed=0, at_once=2)
    }
    first, second, third = (outcomes[item["mask"]] for item in attacks)
    assert not first["success"] and not second["success"] and third["success"]
    assert (first["after"] == first["before"]).all()
    assert first["queries"] == 30 * 129 + 1
    assert detector.images == sum(one["queries"] for one in outcomes.values())
    # Five steps suffice when every sign is right; 64 draws in 192 dimensions get most of them right.
    assert 5 <= third["iterations"] <= 20


def test_an_attack_doesn_t_depend_on_who_asks():
    settings = Nes(samples=4, iterations=3)
    alone = list(run(attack_items([ITEM], {KEY: saliency(5, 6, 7)}, 1), bright, reads_segment(5), settings, 0, 1))
    other = attack_items([ITEM], {KEY: saliency(5, 0, 1)}, 3)
    together = {one["mask"]: one for one in run(other, bright, reads_segment(5), settings, 0, 3)}
    assert together[alone[0]["mask"]]["after"].tobytes() == alone[0]["after"].tobytes()
    assert together[alone[0]["mask"]]["iterations"] == alone[0]["iterations"]


@pytest.mark.parametrize("noise", ["shared", "per_channel"])
def test_an_attack_is_nes_on_its_pixels_with_the_evaluation_s_noise(noise):
    settings = Nes(samples=4, iterations=3, noise=noise)
    (item,) = attack_items([ITEM], {KEY: saliency(5, 6, 7)}, 1)
    (record,) = run([item], bright, reads_segment(5), settings, 7, 1)
    draws = gaussian_noise(4, (32, 32), torch.device("cpu"), 7, "evaluation", KEY, channels=settings.channels)
    image, mask = UNIT.normalised(bright(item)), torch.from_numpy(quadrants() == 5)
    outcome, _ = drive_one(attack(image, settings, UNIT, draws, TWO, mask), reads_segment(5))
    assert (record["iterations"], record["queries"]) == (outcome.iterations, outcome.queries) == (3, 28)
    for name in ("before", "after"):
        np.testing.assert_array_equal(record[name], getattr(outcome, name))
    assert outcome.after[0] > outcome.before[0]


def test_rows_by_hand():
    records = {KEY: saliency(5, 0, 9)}
    attacks = attack_items([ITEM], records, 2)
    before = np.array([0.1, 0.1, 0.1, 0.6, 0.1], np.float32)
    outcomes = [
        dict(
            key=KEY,
            sha256="h",
            mask=item["mask"],
            iterations=n,
            queries=81 * n + 1,
            before=before,
            after=after,
            success=False,
            made_for=maker,
        )
        for maker, n, item, after in zip(
            ("RISE", "LIME"),
            (4, 7),
            attacks,
            (np.array([0.2, 0.1, 0.1, 0.5, 0.1], np.float32), np.array([0.5, 0, 0.1, 0.3, 0.1], np.float32)),
            strict=True,
        )
    ]
    rows = evaluation_rows("LIME", [ITEM], records, outcomes, top=2, classes=FIVE)
    assert rows["k"].tolist() == [1, 2]
    assert rows["predicted_before"].tolist() == [3, 3]
    assert rows["predicted_after"].tolist() == [3, 0]
    assert (rows["p_before"] - rows["p_after"]).tolist() == pytest.approx([0.1, 0.3])
    assert rows["p_real_after"].tolist() == pytest.approx([0.2, 0.5])
    assert rows["flipped"].tolist() == [False, True]
    assert rows["iterations"].tolist() == [4, 7] and rows["queries"].tolist() == [325, 568]
    assert rows["reused"].tolist() == [True, False]
    assert rows["included"].all() and not rows["called_real"].any()
    assert [rows[name].unique().tolist() for name in ("explainer", "key", "sha256", "category", "label")] == [
        ["LIME"], [KEY], ["h"], ["Deepfakes"], [3]
    ]  # fmt: skip


def test_rows_of_an_image_that_is_called_real_say_so():
    records = {KEY: saliency(5) | {"called_real": True}}
    (item,) = attack_items([ITEM], records, 1)
    real = np.array([0.6, 0.1, 0.1, 0.1, 0.1], np.float32)
    outcome = dict(key=KEY, mask=item["mask"], iterations=0, queries=1, before=real, after=real, made_for="LIME")
    rows = evaluation_rows("LIME", [ITEM], records, [outcome], top=1, classes=FIVE)
    assert rows["called_real"].tolist() == [True] and rows["flipped"].tolist() == [False]


def test_an_image_with_too_few_positive_segments_leaves_the_rows_and_is_told():
    records = {KEY: saliency(5, 0)}
    assert attack_items([ITEM], records, 3) == []
    rows = evaluation_rows("LIME", [ITEM], records, [], top=3, classes=FIVE)
    assert not rows["included"].any() and len(rows) == 3
    assert rows["reason"].iloc[0] == "only 2 segments with a positive score, 3 are needed"
    assert rows["p_after"].isna().all() and rows["flipped"].isna().all()


def test_segments_that_an_explainer_doesn_t_rank_follow_by_score_in_the_population_of_all():
    record = saliency(5, 0) | {"scores": np.array([0.5, 0, 0, -1, 0, 0.75, 0, 0.25, *[0] * 8], np.float32)}
    assert ranking_of(record).tolist() == [5, 0]
    assert ranking_of(record, "all").tolist() == [5, 0, 7, 1, 2, 4, 6, *range(8, 16), 3]
    assert missing_of(record) == ""  # made before records said why there is no explanation


@pytest.mark.parametrize("population", ["ranked", "all"])
def test_an_image_without_an_explanation_has_no_ranking_and_leaves_the_rows_with_the_explanation_s_reason(population):
    """Its scores are zeros, which "all" would rank by their labels; another image stays."""
    why, other = "no counterpart: 000.mp4 isn't there", KEY.replace("000_001", "001_000")
    gone = saliency() | {"scores": np.zeros(16, np.float32), "missing": why, "called_real": True}
    there = saliency(9, 2) | {"scores": np.zeros(16, np.float32), "missing": ""}
    records, items = {KEY: gone, other: there}, [ITEM, ITEM | {"key": other}]
    assert ranking_of(gone, population).tolist() == [] and not top_mask(gone, 3, population).any()
    attacks = attack_items(items, records, 2, population)
    assert [item["key"] for item in attacks] == [other, other]
    p = np.array([0.1, 0.1, 0.1, 0.6, 0.1], np.float32)
    outcomes = [dict(item, iterations=1, queries=82, before=p, after=p, made_for="LIME") for item in attacks]
    rows = evaluation_rows("LIME", items, records, outcomes, top=2, classes=FIVE, population=population)
    assert rows["included"].tolist() == [False, False, True, True]
    assert rows["reason"].tolist() == [why, why, "", ""]
    assert rows["called_real"].tolist() == [True, True, False, False]
    assert rows["p_after"].isna().tolist() == [True, True, False, False]


def test_no_image_gives_no_row():
    rows = evaluation_rows("LIME", [], {}, [], top=3, classes=FIVE)
    assert len(rows) == 0 and "p_after" in rows


def test_the_detector_s_padding_changes_nothing():
    detector = reads_segment(5)
    images = torch.rand((23, 3, 32, 32), generator=torch.Generator().manual_seed(0)) * 2 - 1
    together = detector.probabilities(images)
    alone = torch.cat([detector.probabilities(image[None]) for image in images])
    assert torch.equal(together, alone)
    assert detector.images == 46 and detector.calls == 2 + 23
