"""Testing a detector, by hand-worked numbers: a video's score by each rule, real against fake, calibration, doubts."""

import csv

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
    roc_curve,
)

from advxai.common.classes import FIVE, Classes
from advxai.detector.binary import curves, real_vs_fake
from advxai.detector.calibration import calibration_error, equal_mass, equal_width, reliability, roc
from advxai.detector.metrics import evaluate, predictions, write_curves
from advxai.detector.shown import summary
from advxai.detector.videos import TINY, by_track, by_video

TWO = Classes.named(["Real", "Fake"])
SIGMOID = Classes.named(["Fake", "Real"], output="sigmoid", positive="Real")


def images(p_fake: dict[str, float], classes: Classes = TWO, category: str = "Deepfakes") -> pd.DataFrame:
    """Classified images of a name a p(fake); of a detector of two classes."""
    table = pd.DataFrame({"key": list(p_fake), "category": category})
    chances = np.empty((len(table), 2), np.float32)
    chances[:, classes.real], chances[:, 1 - classes.real] = 1 - np.array([*p_fake.values()]), list(p_fake.values())
    return predictions(chances, table, classes)


# Two faces in three frames, the second one not in the last of these; and a video of one frame, named as in lists.
FACES = {"v/00000_0.png": 0.5, "v/00000_1.png": 0.9, "v/00023_0.png": 0.2, "v/00023_1.png": 0.7, "v/00046_0.png": 0.5}
FACES |= {"w/00000.png": 0.3}


# -- a video's score --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("classes", [TWO, SIGMOID])
@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("mean", [2.8 / 5, 0.3]),
        # log-odds of .5 .9 .2 .7 .5 are 0, ln 9, -ln 4, ln 7/3, 0
        ("mean_logit", [1 / (1 + np.exp(-np.log(9 / 4 * 7 / 3) / 5)), 0.3]),
        # the tracks' means are .4 and .8: the first one above .55 is the second
        ("first_track", [0.8, 0.3]),
        # .9, .7, .5
        ("max_face", [2.1 / 3, 0.3]),
    ],
)
def test_a_video_s_score_by_each_rule(score, expected, classes):
    table = by_video(images(FACES, classes), classes, score)
    assert table["key"].tolist() == ["v", "w"]
    assert table["p_Fake"].tolist() == pytest.approx(expected, abs=1e-6)
    assert (table["p_Fake"] + table["p_Real"]).tolist() == pytest.approx([1, 1])
    assert table["predicted"].tolist() == [classes.names.index(name) for name in ("Fake", "Real")]


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        ([0.6, 0.9], 0.6),  # the first is enough
        ([0.55, 0.2], 0.375),  # .55 isn't above .55: the mean of the means
        ([0.1, 0.2, 0.58], 0.58),
        ([0.1], 0.1),
    ],
)
def test_the_first_track_that_is_surely_fake_settles_it(tracks, expected):
    table = images({f"v/00000_{track}.png": p for track, p in enumerate(tracks)})
    if tracks[0] == 0.55:  # in float32 it is above
        table["p_Fake"] = table["p_Fake"].astype("float64").replace(float(np.float32(0.55)), 0.55)
        table["p_Real"] = 1 - table["p_Fake"]
    assert by_video(table, TWO, "first_track")["p_Fake"].tolist() == pytest.approx([expected], abs=1e-6)


def test_tracks_weigh_alike_however_many_frames_they_have():
    few = {"v/0_0.png": 0.5, "v/1_0.png": 0.5, "v/2_0.png": 0.5, "v/0_1.png": 0.1}
    assert by_video(images(few), TWO, "first_track")["p_Fake"].item() == pytest.approx(0.3)
    assert by_video(images(few), TWO)["p_Fake"].item() == pytest.approx(0.4)


def test_of_five_classes_the_whole_answer_is_made_of_the_same_faces():
    """p(fake) of the first face is .7, of the second .6, though its likeliest fake class is the likelier one."""
    keys = pd.DataFrame({"key": ["v/0_0.png", "v/0_1.png"], "category": "FaceSwap"})
    chances = np.array([[0.3, 0.2, 0.2, 0.2, 0.1], [0.4, 0, 0, 0, 0.6]], np.float32)
    names = [f"p_{name}" for name in FIVE.names]
    table = predictions(chances, keys, FIVE)
    assert by_video(table, FIVE, "max_face")[names].to_numpy()[0] == pytest.approx(chances[0])
    assert by_video(table, FIVE, "first_track")[names].to_numpy()[0] == pytest.approx(chances[0])
    first, second = chances.astype(np.float64)
    roots = np.sqrt(first * np.maximum(second, TINY))
    assert by_video(table, FIVE, "mean_logit")[names].to_numpy()[0] == pytest.approx(roots / roots.sum(), abs=1e-9)


def test_a_probability_of_zero_has_the_logit_of_the_least_one():
    """A sure and an undecided frame: the log-odds are -ln(tiny) / 2 and 0."""
    score = by_video(images({"v/0.png": 1.0, "v/1.png": 0.5}), TWO, "mean_logit")
    odds = np.log(1 / TINY) / 2
    assert np.log(score["p_Fake"] / score["p_Real"]).item() == pytest.approx(odds)
    assert by_video(images({"v/0.png": 1.0, "v/1.png": 0.0}), TWO, "mean_logit")["p_Fake"].item() == 0.5


def test_tracks_have_the_means_of_their_frames():
    table = by_track(images(FACES), TWO)
    assert table["key"].tolist() == ["v/0", "v/1", "w/0"]
    assert table["p_Fake"].tolist() == pytest.approx([0.4, 0.8, 0.3])
    logit = by_track(images(FACES), TWO, "mean_logit")["p_Fake"]
    assert logit[1] == pytest.approx(1 / (1 + np.exp(-np.log(9 * 7 / 3) / 2)))
    assert by_track(images(FACES), TWO, "max_face").equals(table)


def test_levels_and_the_rule_are_in_the_metrics():
    table = pd.concat([images(FACES), images({"r/00000_0.png": 0.1}, category="Real")], ignore_index=True)
    metrics = evaluate(table, TWO, score="max_face")
    assert metrics["video_score"] == "max_face"
    assert [metrics[level]["n"] for level in ("frame", "track", "video")] == [7, 4, 3]
    assert metrics["video"]["real_vs_fake"]["accuracy"] == pytest.approx(2 / 3)  # w is called real
    text = summary(metrics, "net")
    assert text.startswith("net\n") and "\n  track" in text and "\n  video (max_face)" in text
    plain = summary(evaluate(images({"v/0.png": 0.9}), TWO), "net")
    assert "track" not in plain
    assert "There is no real test image, so balanced, AUROC, AP aren't defined." in plain


# -- real against fake ------------------------------------------------------------------------------------------------
def drawn(number: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of five classes, float32, and labels."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 5, number)
    return rng.dirichlet(np.ones(5), number).astype(np.float32) * 0.5 + 0.5 * np.eye(5, dtype=np.float32)[
        labels
    ], labels


def test_the_measures_are_scikit_learn_s():
    probabilities, labels = drawn()
    probabilities[:60] = probabilities[60:120]  # some are wrong, and some equal
    found, fake = real_vs_fake(probabilities, labels, FIVE), labels > 0
    exact = probabilities.astype(np.float64)
    p_fake, called = 1 - (exact / exact.sum(1, keepdims=True))[:, 0], probabilities.argmax(1) > 0
    assert found["real"] + found["fake"] == 300 and found["fake"] == fake.sum()
    assert found["auroc"] == pytest.approx(roc_auc_score(fake, p_fake), abs=1e-4)
    assert found["average_precision"] == pytest.approx(average_precision_score(fake, p_fake), abs=1e-4)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(fake, called))
    assert found["brier"] == pytest.approx(brier_score_loss(fake, p_fake))
    assert found["log_loss"] == pytest.approx(log_loss(fake, p_fake))
    share, mean = calibration_curve(fake, p_fake, n_bins=15)
    ours = reliability(p_fake, fake, equal_width(p_fake))
    assert [one["fake"] for one in ours] == pytest.approx(share) and sum(one["n"] for one in ours) == 300
    assert [one["p_fake"] for one in ours] == pytest.approx(mean)
    points = curves(probabilities, labels, FIVE)["roc"]
    wrong, right, thresholds = roc_curve(fake, 1 - exact[:, 0])
    assert points["threshold"][0] is None and set(points["threshold"][1:]) <= set(thresholds)
    assert np.trapezoid(points["true_positive_rate"], points["false_positive_rate"]) == pytest.approx(found["auroc"])
    assert found["auroc"] == pytest.approx(np.trapezoid(right, wrong))


def test_the_calibration_of_eight_images():
    """Bins of 1/15: .05 and 1/15 are in the first one, .07 in the second; 1 is in the last."""
    p_fake = np.array([0.05, 1 / 15, 0.07, 0.5, 0.5, 0.5, 0.99, 1.0])
    fake = np.array([False, True, False, True, True, False, True, True])
    assert equal_width(p_fake).tolist() == [0, 0, 1, 7, 7, 7, 14, 14] and equal_width(np.array([0.0])).tolist() == [0]
    bins = reliability(p_fake, fake, equal_width(p_fake))
    assert [one["n"] for one in bins] == [2, 1, 3, 2]
    assert [one["fake"] for one in bins] == pytest.approx([0.5, 0, 2 / 3, 1])
    off = [abs(0.5 - (0.05 + 1 / 15) / 2), 0.07, 2 / 3 - 0.5, 1 - 0.995]
    assert calibration_error(bins) == pytest.approx(np.dot([2, 1, 3, 2], off) / 8)


def test_bins_of_as_many_images_each():
    assert equal_mass(np.arange(30) / 30).tolist() == np.repeat(np.arange(15), 2).tolist()
    assert equal_mass(np.array([0.1, 0.9, 0.5]), 3).tolist() == [0, 2, 1]
    # equal ones are in one bin, however many they are
    assert len(set(equal_mass(np.array([0.3] * 20 + [0.7, 0.8])).tolist())) == 2
    assert equal_mass(np.array([0.4])).tolist() == [0]


def test_one_image_and_images_of_one_kind_are_no_error():
    for label in (0, 1):
        found = real_vs_fake(np.array([[0.25, 0.75]], np.float32), np.array([label]), TWO)
        assert [found[name] for name in ("auroc", "average_precision", "balanced_accuracy")] == [None] * 3
        assert found["f1"] == (1.0 if label else None) and found["accuracy"] == float(label)
        assert found["brier"] == pytest.approx((0.75 - label) ** 2) and found["ece"] == pytest.approx(abs(0.75 - label))
        assert found["log_loss"] == pytest.approx(-np.log(0.75 if label else 0.25))
        made = curves(np.array([[0.25, 0.75]], np.float32), np.array([label]), TWO)
        assert made["roc"] is None and [one["n"] for one in made["reliability"]["equal_mass"]] == [1]
    sure = real_vs_fake(np.array([[1.0, 0.0]], np.float32), np.array([1]), TWO)
    assert 36 < sure["log_loss"] < 37  # at float64's epsilon, as scikit-learn has it


def test_a_threshold_moves_what_is_called_fake_and_no_curve():
    probabilities, labels = drawn()
    strict = Classes(threshold=0.9)
    found, plain = (real_vs_fake(probabilities, labels, classes) for classes in (strict, FIVE))
    assert found["accuracy"] < plain["accuracy"] and found["f1"] < plain["f1"]
    assert {name for name in found if found[name] != plain[name]} == {"accuracy", "balanced_accuracy", "f1"}


def test_a_curve_s_thresholds_give_its_points():
    score = np.array([0.9, 0.8, 0.8, 0.3])
    wrong, found, thresholds = roc(score, np.array([True, False, True, False]))
    for x, y, least in zip(wrong, found, thresholds, strict=True):
        above = score >= least
        assert (above[[1, 3]].mean(), above[[0, 2]].mean()) == (x, y)


# -- the sign ---------------------------------------------------------------------------------------------------------
def turned(number: int, classes: Classes) -> dict:
    """Metrics of as many real and fake videos of a frame, in which the real ones get the higher p(fake)."""
    parts = [
        images({f"{name}{place}/0_0.png": p for place in range(number)}, classes, name)
        for name, p in (("Real", 0.8), ("Deepfakes", 0.3))
    ]
    return evaluate(pd.concat(parts, ignore_index=True), classes)


def test_a_detector_that_is_read_the_wrong_way_round_is_noticed():
    (note,) = turned(20, TWO)["notes"]
    assert note == (
        "the sign may be wrong: genuine images get the higher p(fake), for the AUROC of fake against real is 0.000 by "
        "frame (20 real, 20 fake), 0.000 by video (20 real, 20 fake). If that is no property of the data, set "
        "detector.classes to the names in the order of the network's outputs (now Real, Fake), or detector.real to the "
        "class of genuine images (now Real)."
    )
    (note,) = turned(20, SIGMOID)["notes"]
    assert "set detector.positive to Fake, if the sigmoid is its probability, not Real's; or detector.real" in note
    assert summary(turned(20, TWO), "net").rstrip().endswith("(now Real).")


def test_of_few_images_or_a_right_detector_nothing_is_said():
    assert turned(19, TWO)["notes"] == []
    probabilities, labels = drawn()
    rows = pd.DataFrame({"key": [f"v{n}/0.png" for n in range(300)], "category": np.array(FIVE.names)[labels]})
    assert evaluate(predictions(probabilities, rows, FIVE), FIVE)["notes"] == []


def test_a_detector_that_answers_all_alike_is_noticed():
    parts = [
        images({f"{name}{place}/0_0.png": 0.5 for place in range(20)}, TWO, name) for name in ("Real", "Deepfakes")
    ]
    (note,) = evaluate(pd.concat(parts, ignore_index=True), TWO)["notes"]
    assert note.startswith("all 40 test images get about the same p(fake), 0.50 on average: what the detector is given")


def test_the_curves_as_tables(tmp_path):
    metrics = turned(20, TWO)
    write_curves(metrics, tmp_path / "roc.csv", tmp_path / "reliability.csv")
    with open(tmp_path / "roc.csv") as file:
        corners = list(csv.DictReader(file))
    assert [corner["level"] for corner in corners] == ["frame"] * 3 + ["track"] * 3 + ["video"] * 3
    points = [(corner["threshold"], corner["false_positive_rate"], corner["true_positive_rate"]) for corner in corners]
    assert [point[1:] for point in points[:3]] == [("0", "0"), ("1", "0"), ("1", "1")] and points[0][0] == ""
    with open(tmp_path / "reliability.csv") as file:
        bins = list(csv.DictReader(file))
    assert [(one["bins"], one["bin"], one["n"], one["fake"]) for one in bins[:2]] == [
        ("equal_width", "4", "20", "1"),
        ("equal_width", "11", "20", "0"),
    ]
    only = evaluate(images({"v/0.png": 0.9}), TWO)  # no curve, and no crash
    write_curves(only, tmp_path / "roc.csv", tmp_path / "reliability.csv")
    assert (tmp_path / "roc.csv").read_text() == "level,threshold,false_positive_rate,true_positive_rate\n"
