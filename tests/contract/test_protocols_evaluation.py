"""Both protocols' evaluation: points 11 to 13, who is in it, seeds, and what the user says himself.

Numbers are those of the list of what the paper and its released code do, and of the fixes. Every test fails if a
protocol did what the other one does.
"""

import numpy as np
import pandas as pd
import pytest

from advxai.common.classes import FIVE
from advxai.common.randomness import seed_of
from advxai.config.explainers import paper_rows
from advxai.config.science import Nes
from advxai.detector.called_fake import split
from advxai.evaluation.attacks import run as run_attacks
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from advxai.saliency.stage import run
from tests.contract.protocols_data import PROTOCOLS, config
from tests.helpers import SIZE, quadrants, reads_segment
from tests.unit.test_evaluation import ITEM, KEY


def _measured(before, after):
    record = {"segments": quadrants(), "scores": np.zeros(16), "ranking": np.arange(16, dtype=np.int16)}
    (item,) = attack_items([ITEM], {KEY: record}, 1)
    done = item | {"before": np.array(before), "after": np.array(after), "iterations": 1, "queries": 9, "made_for": "X"}
    return evaluation_rows("X", [ITEM], {KEY: record | {"called_real": False}}, [done], top=1, classes=FIVE)


def test_11_13_sufficiency_is_of_the_predicted_class_and_a_failed_attack_counts():
    """Called FaceSwap (4) though it is Deepfakes (3): the fall is that of class 4, and nobody is left out."""
    row = _measured([0.1, 0.0, 0.1, 0.2, 0.6], [0.2, 0.0, 0.1, 0.3, 0.4]).iloc[0]
    assert row["p_before"] - row["p_after"] == pytest.approx(0.2)
    assert (row["predicted_before"], row["predicted_after"], row["flipped"]) == (4, 4, False)
    assert row["included"]  # the attack failed; its last image is used all the same
    # right again after the attack: accuracy is over the five classes
    assert _measured([0.1, 0.0, 0.1, 0.2, 0.6], [0.2, 0.0, 0.1, 0.5, 0.2]).iloc[0]["predicted_after"] == 3


def test_12_sets_are_cumulative_and_each_starts_from_the_clean_image():
    """Same noise for k = 1 and k = 2, so the second attack's first request is the clean image, not the first's last."""
    record = {"segments": quadrants(), "ranking": np.array([3, 5, 9], np.int16)}
    attacks = attack_items([ITEM], {KEY: record}, 2)
    assert [set(quadrants()[one["pixels"]]) for one in attacks] == [{3}, {3, 5}]
    grey = np.full((SIZE, SIZE, 3), 130, np.uint8)
    settings = Nes(samples=8, iterations=30)
    first, second = run_attacks(attacks, lambda _: grey, reads_segment(3), settings, 0, 1)
    assert first["success"] and first["before"].tobytes() == second["before"].tobytes()


def test_who_is_explained():
    """All sampled fakes, or those that the detector calls fake; the others are listed."""
    assert config("paper").frames.explain == "all" and config("corrected").frames.explain == "called_fake"
    images = pd.DataFrame({"key": ["a", "b", "c"], "label": [3, 2, 1]})
    predictions = pd.DataFrame({"key": ["c", "x", "b", "a"], "predicted": [0, 0, 2, 4]})
    kept, left_out = split(images, predictions, FIVE)
    assert kept["key"].tolist() == ["a", "b"]  # a is called the wrong fake, which is fake all the same
    assert left_out.to_dict("records") == [
        {"stage": "detector", "item": "c", "reason": "called real by the detector: not explained"}
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_13_the_copy_is_drawn_once_and_seeded(protocol):
    """Both protocols: equal seeds give equal maps, another seed others."""
    image = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    entry = {"method": "rise", "baseline": "noise", "masks": 30, "segmentation": {"n_segments": 4}}
    settings = config(protocol, explainers={"Row": entry}).explainers["Row"]
    maps = [
        next(run([ITEM], lambda _: image, reads_segment(5), settings, seed, 1))["map"].tobytes() for seed in (0, 0, 1)
    ]
    assert maps[0] == maps[1] != maps[2]
    assert seed_of(0, "adversary", KEY, 0) != seed_of(0, "evaluation", KEY, 0)


def test_what_the_user_says_counts():
    """Every switch is a key of its own, in either protocol."""
    one = config("corrected", adversary={"project": False}, frames={"explain": "all"}, explainers={
        "RISE": {"method": "rise", "baseline": "zeros", "draw": "normal", "segmentation": {"image": "normalised"}},
        "Own": {"method": "tests.custom:Occlusion", "baseline": "zeros"},
    })  # fmt: skip
    assert (one.adversary.project, one.adversary.noise, one.evaluation.project) == (False, "per_channel", True)
    assert one.frames.explain == "all"
    rise = one.explainers["RISE"]
    assert (rise.draw, rise.segmentation.image, rise.softmax_again) == ("normal", "normalised", False)
    assert one.explainers["Own"].segmentation.image == "unit"
    switched = config("paper", evaluation={"objective": "log_odds", "population": "all"})
    assert (switched.evaluation.objective, switched.evaluation.noise) == ("log_odds", "shared")
    assert set(config("corrected").explainers) == set(paper_rows()) == set(config("paper").explainers)
