"""Segment attacks over time, and their rows."""

from typing import Any

import numpy as np
import pytest

from advxai.config.science import Nes
from advxai.video.attacks import run
from advxai.video.rows import RANKED, attack_items, attack_rows
from tests.helpers import TWO, reads_segment
from tests.unit.video_data import FRAMES, KEY, SEGMENTS, item, record

OTHER = KEY.replace("000_001", "002_003")
SETTINGS = Nes(alpha=0.1, samples=8, iterations=4)


def barely(_: object) -> np.ndarray:
    """130/255, normalised 0.0196: a few steps of 1/255 above the threshold of `reads_segment`."""
    return np.full((32, 32, 3), 130, np.uint8)


def attacked(attacks: Any, at_once: int = 2) -> dict[tuple[str, str], Any]:
    made = run(attacks, barely, reads_segment(5), SETTINGS, "mean", seed=0, at_once=at_once)
    return {(one["key"], one["mask"]): one for one in made}


def test_one_attack_for_each_k_of_pixels_in_space_and_time():
    attacks = attack_items([item()], {KEY: record(5, 21)}, top=2)
    assert [one["pixels"].shape for one in attacks] == [SEGMENTS.shape] * 2
    assert (attacks[0]["pixels"] == (SEGMENTS == 5)).all() and (
        attacks[1]["pixels"] == np.isin(SEGMENTS, [5, 21])
    ).all()
    assert attacks[0]["frames"] == item()["frames"] and attacks[0]["key"] == KEY


def test_equal_sets_share_an_attack_and_too_few_segments_give_none():
    one, other = (
        [a["mask"] for a in attack_items([item()], {KEY: record(*order)}, top=2)] for order in ((5, 21), (21, 5))
    )
    assert one[1] == other[1] and one[0] != other[0]
    assert attack_items([item()], {KEY: record(missing="lost") | {"ranking": np.zeros(0, np.int16)}}, top=2) == []


def test_segments_that_aren_t_ranked_follow_by_score():
    scores = np.zeros(32, np.float32)
    scores[[7, 21]] = 0.25, 0.5
    ranked = record(5, scores=scores) | {"ranking": np.array([5], np.int16)}
    assert (attack_items([item()], {KEY: ranked}, top=2)[1]["pixels"] == np.isin(SEGMENTS, [5, 21])).all()


def test_attacking_the_segment_that_is_read_turns_the_clip():
    saliency = {KEY: record(0, 16), OTHER: record(5, 21)}
    items = [item(), item(OTHER)]
    attacks = attack_items(items, saliency, top=2)
    made = attacked(attacks)
    blind, half, both = (made[one["key"], one["mask"]] for one in (attacks[1], attacks[2], attacks[3]))
    assert not blind["success"] and (blind["before"] == blind["after"]).all() and blind["iterations"] == 4
    # each frame's stop test, and of four moving frames 2n neighbours each iteration
    assert blind["queries"] == FRAMES + 4 * FRAMES * (2 * 8 + 1)
    assert both["success"] and half["after"][1] < half["before"][1]
    rows = attack_rows(
        "SHAP3D", items, saliency, [{**one, "made_for": "LIME3D"} for one in made.values()], top=2, classes=TWO
    )
    assert rows["key"].tolist() == [KEY, KEY, OTHER, OTHER] and rows["included"].all() and rows["reused"].all()
    last = rows.iloc[3]
    assert (
        last["flipped"] and last["p_after"] == pytest.approx(float(both["after"][1])) and last["predicted_before"] == 1
    )
    assert rows["label"].tolist() == [1] * 4


def test_neighbours_change_no_bit():
    saliency = {KEY: record(0), OTHER: record(5, 21)}
    attacks = attack_items([item(), item(OTHER)], saliency, top=1)
    together, alone = attacked(attacks), attacked(attacks[1:], at_once=1)
    ((name, one),) = alone.items()
    assert (together[name]["after"] == one["after"]).all() and together[name]["iterations"] == one["iterations"]


def test_only_fakes_that_are_called_fake_and_have_an_explanation_are_attacked():
    items = [item("v/a"), item("v/b"), item("v/c", "Real"), item("v/d", "unknown"), item("v/e")]
    saliency = {one["key"]: record(5, called_real=one["key"] == "v/b") for one in items}
    saliency["v/e"] |= {"missing": "no true mask", "ranking": np.zeros(0, np.int16)}
    wanted = attack_items(items, saliency, top=1)
    assert [one["key"] for one in wanted] == ["v/a"]
    assert wanted[0]["pixels"].sum() == 2 * 64 and set(saliency["v/a"]) > set(RANKED) - {"key"}
    stored = [
        {"key": "v/a", "mask": wanted[0]["mask"], "iterations": 1, "queries": 4, "before": np.array([0.25, 0.75]),
         "after": np.array([0.75, 0.25]), "made_for": "R"}
    ]  # fmt: skip
    rows = attack_rows("R", items, saliency, stored, top=1, classes=TWO).set_index("key")
    assert rows.loc["v/a", "flipped"] and rows.loc["v/a", "p_before"] == 0.75
    assert rows["included"].tolist() == [True, False, False, False, False]
    assert rows["reason"].tolist() == [
        "", "the detector calls the clip real", "the clip is real", "it isn't known whether the clip is fake",
        "no true mask",
    ]  # fmt: skip
