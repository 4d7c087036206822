"""Metrics by hand-worked numbers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_accuracy,
    multiclass_auroc,
    multiclass_average_precision,
    multiclass_f1_score,
)

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.science import Detector as Settings
from advxai.detector import published
from advxai.detector.binary import real_vs_fake
from advxai.detector.classify import classify
from advxai.detector.metrics import evaluate, measure, parted, predictions, write
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.videos import by_video

NAMES = ("Real", "A", "B")
THREE = Classes(NAMES)
TWO = Classes.named(["Real", "Fake"], output="sigmoid", threshold=0.55)

# Six images; the likeliest classes are Real, Real, A, A, A, Real.
PROBABILITIES = np.array(
    [
        [0.8, 0.1, 0.1],  # Real
        [0.6, 0.3, 0.1],  # Real
        [0.2, 0.7, 0.1],  # Real, called A
        [0.1, 0.8, 0.1],  # A
        [0.3, 0.5, 0.2],  # A
        [0.7, 0.2, 0.1],  # A, called Real
    ],
    dtype=np.float32,
)
LABELS = np.array([0, 0, 0, 1, 1, 1])


def test_metrics_of_six_images():
    metrics = measure(PROBABILITIES, LABELS, THREE)
    assert metrics["n"] == 6 and metrics["classes_absent"] == ["B"]
    assert metrics["confusion"] == [[2, 1, 0], [1, 2, 0], [0, 0, 0]]
    real, a = metrics["per_class"]["Real"], metrics["per_class"]["A"]
    assert real["n"] == a["n"] == 3
    assert real["accuracy"] == pytest.approx(2 / 3) and a["accuracy"] == pytest.approx(2 / 3)
    # Two right, one missed, one too many, for both classes: 2 * 2 / (2 * 2 + 1 + 1).
    assert real["f1"] == pytest.approx(2 / 3) and a["f1"] == pytest.approx(2 / 3)
    # p(Real): .8 .6 .2 of the real ones against .1 .3 .7: wins 3 + 2 + 1 of 9 pairs.
    assert real["auroc"] == pytest.approx(6 / 9)
    # p(A): .8 .5 .2 against .1 .3 .7: wins 3 + 2 + 1 of 9.
    assert a["auroc"] == pytest.approx(6 / 9)
    # Ranks of the right ones: Real 1, 3, 5; A 1, 3, 5 as well.
    assert real["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert a["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3)
    assert metrics["overall"]["accuracy"] == pytest.approx(4 / 6)
    assert metrics["overall"]["auroc"] == pytest.approx(6 / 9)
    assert metrics["real_vs_fake"]["accuracy"] == pytest.approx(4 / 6)
    assert metrics["real_vs_fake"]["auroc"] == pytest.approx(6 / 9)


def test_an_absent_class_has_no_metric():
    b = measure(PROBABILITIES, LABELS, THREE)["per_class"]["B"]
    assert b == {"n": 0, "accuracy": None, "auroc": None, "f1": None, "average_precision": None}


def test_fakes_of_the_wrong_category_are_fakes_all_the_same():
    metrics = measure(np.array([[0.1, 0.2, 0.7], [0.9, 0.05, 0.05]]), np.array([1, 0]), THREE)
    assert metrics["overall"]["accuracy"] == 0.5
    assert metrics["real_vs_fake"]["accuracy"] == metrics["real_vs_fake"]["auroc"] == 1.0


def test_images_of_one_class_alone_have_no_auroc():
    metrics = measure(PROBABILITIES[:3], LABELS[:3], THREE)
    assert metrics["per_class"]["Real"]["auroc"] is None and metrics["real_vs_fake"]["auroc"] is None
    assert metrics["overall"]["auroc"] is None
    assert metrics["per_class"]["Real"]["average_precision"] == 1.0


def test_weighted_means_count_images_and_are_those_of_torchmetrics():
    probabilities = torch.tensor([[0.8, 0.2], [0.6, 0.4], [0.4, 0.6], [0.45, 0.55]])
    labels = torch.tensor([0, 0, 0, 1])
    metrics = measure(probabilities.numpy(), labels.numpy(), Classes(("Real", "A")))
    # Real: two right, one missed; A: one right, one too many.
    assert [metrics["per_class"][name]["f1"] for name in "Real A".split()] == pytest.approx([4 / 5, 2 / 3])
    # By p(Real) the real ones are 1st, 2nd and 4th; by p(A) the A is 2nd.
    assert metrics["per_class"]["Real"]["average_precision"] == pytest.approx(11 / 12)
    assert metrics["per_class"]["A"]["average_precision"] == pytest.approx(1 / 2)
    assert metrics["overall"]["f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    weighted = metrics["weighted"]
    assert weighted["accuracy"] == 0.75
    assert weighted["f1"] == pytest.approx((3 * 4 / 5 + 2 / 3) / 4)
    assert weighted["average_precision"] == pytest.approx((3 * 11 / 12 + 1 / 2) / 4)
    assert weighted["auroc"] == pytest.approx(2 / 3)
    asked = {"num_classes": 2, "average": "weighted"}
    assert weighted["accuracy"] == pytest.approx(float(multiclass_accuracy(probabilities, labels, **asked)))
    assert weighted["f1"] == pytest.approx(float(multiclass_f1_score(probabilities, labels, **asked)))
    assert weighted["auroc"] == pytest.approx(float(multiclass_auroc(probabilities, labels, **asked)))
    found = multiclass_average_precision(probabilities, labels, **asked)
    assert weighted["average_precision"] == pytest.approx(float(found))


def test_tiny_probabilities_of_real_are_still_ranked():
    probabilities = np.array([[1e-9, 1.0], [1e-12, 1.0]], dtype=np.float32)
    assert measure(probabilities, np.array([0, 1]), Classes(("Real", "A")))["real_vs_fake"]["auroc"] == 1.0


def table(*rows: tuple[str, str, int, float, float, float]) -> pd.DataFrame:
    """Rows of (key, category, label, p_Real, p_A, p_B)."""
    found = pd.DataFrame(rows, columns=["key", "category", "label", "p_Real", "p_A", "p_B"])
    chances = found[["p_Real", "p_A", "p_B"]].to_numpy(dtype=np.float32)
    return predictions(chances, found, THREE)


IMAGES = table(
    ("r/v1.mp4/00000_0.png", "Real", 0, 0.9, 0.1, 0.0),
    ("a/v2.mp4/00000_0.png", "A", 1, 0.8, 0.2, 0.0),
    ("r/v1.mp4/00023_0.png", "Real", 0, 0.3, 0.7, 0.0),
    ("a/v2.mp4/00023_0.png", "A", 1, 0.1, 0.9, 0.0),
    ("a/v2.mp4/00046_0.png", "A", 1, 0.3, 0.4, 0.3),
    ("a/v3.mp4/00000_0.png", "A", 1, 0.65, 0.25, 0.1),
)


def test_a_video_has_the_mean_probabilities_of_its_frames():
    videos = by_video(IMAGES, THREE)
    assert list(videos) == list(IMAGES)
    assert videos["key"].tolist() == ["r/v1.mp4", "a/v2.mp4", "a/v3.mp4"]
    assert videos["label"].tolist() == [0, 1, 1] and videos["category"].tolist() == ["Real", "A", "A"]
    assert videos["p_Real"].tolist() == pytest.approx([0.6, 0.4, 0.65])
    assert videos["p_A"].tolist() == pytest.approx([0.4, 0.5, 0.25])
    assert videos["p_B"].tolist() == pytest.approx([0.0, 0.1, 0.1])
    assert videos["predicted"].tolist() == [0, 1, 0]


def test_metrics_by_frame_and_by_video():
    metrics = evaluate(IMAGES, THREE)
    # Frames: Real, Real, A, A, A, Real are predicted; videos: Real, A, Real.
    assert (metrics["frame"]["n"], metrics["video"]["n"]) == (6, 3)
    assert metrics["frame"]["overall"]["accuracy"] == pytest.approx(3 / 6)
    assert metrics["video"]["overall"]["accuracy"] == pytest.approx(2 / 3)
    assert metrics["video"]["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    # 1 - p(Real): A .2 .9 .7 .35 against Real .1 .7: of 8 pairs 5 are won and one is tied.
    assert metrics["frame"]["real_vs_fake"]["auroc"] == pytest.approx(5.5 / 8)
    # Videos: A .6 and .35 against .4.
    assert metrics["video"]["real_vs_fake"]["auroc"] == pytest.approx(1 / 2)
    assert metrics["unseen"] == {}


def test_a_manipulation_is_measured_with_all_originals():
    """Of each level; p(fake) of the real video .1 .7, of A's .2 .9 .7 .35."""
    metrics = evaluate(IMAGES, THREE)
    frames = metrics["frame"]["per_category"]["A"]
    assert (frames["n"], frames["real"], frames["fake"], frames["called_fake"]) == (4, 2, 4, 0.5)
    assert frames["accuracy"] == pytest.approx(3 / 6) and frames["balanced_accuracy"] == pytest.approx(1 / 2)
    assert frames["f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))  # two found, one real called A, two missed
    assert frames["auroc"] == pytest.approx(5.5 / 8)
    losses = -np.log([1 - 0.1, 1 - 0.7, 0.2, 0.9, 0.7, 0.35])
    assert frames["log_loss"] == pytest.approx(losses.mean(), abs=1e-6)
    videos = metrics["video"]["per_category"]["A"]
    # .4 of the real one; .6, called fake, and .35
    assert (videos["accuracy"], videos["f1"], videos["auroc"]) == pytest.approx((2 / 3, 2 / 3, 1 / 2))
    assert videos["log_loss"] == pytest.approx(-np.log([0.6, 0.6, 0.35]).mean(), abs=1e-6)
    alone = evaluate(IMAGES[IMAGES["label"] == 1], THREE)["video"]["per_category"]["A"]
    assert {name for name in alone if alone[name] is not None} == {"n", "real", "fake", "called_fake"}
    assert (alone["real"], alone["fake"], alone["called_fake"]) == (0, 2, 0.5)


def test_categories_without_a_class_are_counted_apart():
    others = table(
        ("f/v1/0.png", "FaceShifter", -1, 0.9, 0.1, 0.0),
        ("f/v1/1.png", "FaceShifter", -1, 0.2, 0.3, 0.5),
        ("f/v2/0.png", "FaceShifter", -1, 0.5, 0.3, 0.2),
        ("o/v1/0.png", "actors", 0, 0.7, 0.2, 0.1),
        ("o/v1/1.png", "actors", 0, 0.1, 0.2, 0.7),
    )
    metrics = evaluate(pd.concat([IMAGES, others], ignore_index=True), THREE, ["actors"])
    alone = evaluate(IMAGES, THREE)
    assert {**metrics, "unseen": {}} == alone
    # 1 - p(Real): .1 .8 .5 against the real ones' .1 .7: 0.5 + 2 + 1 of 6. Actors are genuine, but none of the test's.
    shifted = metrics["unseen"]["FaceShifter"]
    assert shifted == {"n": 3, "called_fake": pytest.approx(1 / 3), "auroc": pytest.approx(3.5 / 6)}
    assert metrics["unseen"]["actors"] == {"n": 2, "called_fake": 0.5, "auroc": None}


def test_a_hundred_thousand_frames_take_seconds():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 33_400)
    chances = rng.dirichlet([1, 1, 1], len(labels)).astype(np.float32)
    keys = [f"c/{number // 100:04}.mp4/{number % 100:05}_0.png" for number in range(len(labels))]
    rows = pd.DataFrame({"key": keys, "category": np.array(NAMES)[labels], "label": labels})
    metrics = evaluate(predictions(chances, rows, THREE), THREE)
    assert (metrics["frame"]["n"], metrics["video"]["n"]) == (100_200, 1002)
    assert metrics["frame"]["overall"]["auroc"] == pytest.approx(0.5, abs=0.01)


def test_the_files_have_every_class_and_empty_cells_where_nothing_is_defined(tmp_path: Path):
    rows = pd.DataFrame({"key": [f"v{number}/0.png" for number in range(6)], "label": LABELS})
    rows["category"] = np.array(NAMES)[rows["label"]]
    metrics = evaluate(predictions(PROBABILITIES, rows, THREE), THREE)
    write(metrics, tmp_path / "m.json", tmp_path / "m.csv")
    assert json.loads((tmp_path / "m.json").read_text()) == metrics
    lines = (tmp_path / "m.csv").read_text().splitlines()
    further = "balanced_accuracy,log_loss,ece,ece_equal_mass,brier"
    assert lines[0] == f"level,class,n,accuracy,auroc,f1,average_precision,{further}"
    assert lines[1] == "frame,Real,3,0.666667,0.666667,0.666667,0.755556,,,,,"
    assert lines[3] == "frame,B,0,,,,,,,,,"
    # log loss of the true class: ln(.8 .6 .2 .8 .5 .2) / -6
    loss = -np.log([0.8, 0.6, 0.2, 0.8, 0.5, 0.2]).mean()
    assert lines[4] == f"frame,overall,6,0.666667,0.666667,0.666667,0.755556,0.666667,{loss:.6f},,,"
    assert lines[5] == "frame,weighted,6,0.666667,0.666667,0.666667,0.755556,,,,,"
    # p(fake) .2 .4 .8 of real ones, .9 .7 .3 of fakes, each alone in its bin: ranks of the fakes 1, 3, 5
    loss = -np.log([0.8, 0.6, 0.2, 0.9, 0.7, 0.3]).mean()
    ece = (0.2 + 0.4 + 0.8 + 0.1 + 0.3 + 0.7) / 6
    brier = (0.04 + 0.16 + 0.64 + 0.01 + 0.09 + 0.49) / 6
    ours = f"0.666667,{loss:.6f},{ece:.6f},{ece:.6f},{brier:.6f}"
    assert lines[6] == f"frame,real_vs_fake,6,0.666667,0.666667,0.666667,0.755556,{ours}"
    assert lines[7] == lines[6].replace("real_vs_fake", "A vs real")  # the only fakes
    # each of these videos has one frame
    assert lines[8:15] == [line.replace("frame", "track") for line in lines[1:8]]
    assert lines[15:] == [line.replace("frame", "video") for line in lines[1:8]]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_calibration_error_is_that_of_torchmetrics():
    rng = np.random.default_rng(1)
    fake = rng.random(500) < 0.6
    p_fake = np.clip(rng.normal(0.3 + 0.4 * fake, 0.2), 0.001, 0.999)
    found = real_vs_fake(np.stack([1 - p_fake, p_fake], axis=1), fake.astype(int), Classes(("Real", "Fake")))
    theirs = binary_calibration_error(torch.tensor(p_fake), torch.tensor(fake), n_bins=15, norm="l1")
    assert found["ece"] == pytest.approx(float(theirs), abs=1e-6)


def test_the_published_figures_stand_beside_ours(tmp_path: Path):
    weighted = {"accuracy": 0.9726, "auroc": None, "f1": 0.9527, "average_precision": 0.9881}
    metrics = {"frame": {"n": 13838, "weighted": weighted, "classes_absent": []}}
    published.write("adv_xai", metrics, Settings(), THREE, tmp_path / "p.csv", tmp_path / "p.md")
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "measure,ours,published,difference",
        "accuracy,0.972600,0.962600,0.010000",
        "auroc,,0.997000,",
        "f1,0.952700,0.962700,-0.010000",
        "average_precision,0.988100,0.988100,0.000000",
    ]
    lines = (tmp_path / "p.md").read_text().splitlines()
    assert lines[4:8] == [
        "| accuracy | 0.9726 | 0.9626 | +0.0100 |",
        "| AUROC |  | 0.9970 |  |",
        "| F1 | 0.9527 | 0.9627 | -0.0100 |",
        "| average precision | 0.9881 | 0.9881 | +0.0000 |",
    ]
    note = lines[-1]
    assert "authors' test frames" in note and "weighted" in note and "the 13,838 test frames of this run." in note
    assert "doesn't show that a figure was or wasn't reproduced" in note
    text = published.markdown(published.compare(weighted), 7, ["FaceSwap"])
    assert "the 7 test frames of this run (none of FaceSwap)." in text


def measured(*videos: tuple[str, float]) -> dict:
    """Metrics of a detector of two classes: a video a category and p(fake), of one frame."""
    rows = pd.DataFrame({"key": [f"{number}/0_0.png" for number in range(len(videos))]})
    rows["category"] = [category for category, _ in videos]
    chances = np.array([[1 - p, p] for _, p in videos], np.float32)
    return evaluate(predictions(chances, rows, TWO), TWO, score="first_track")


# Of four videos .55 is called fake, and of the two originals one.
VIDEOS = [("Real", 0.1), ("Real", 0.7), ("Deepfakes", 0.9), ("Deepfakes", 0.55), ("FaceShifter", 0.8)]
VIDEOS += [("FaceShifter", 0.5)]


def test_the_hybrid_s_figures_stand_beside_ours_by_video(tmp_path: Path):
    published.write("hybrid", measured(*VIDEOS), Settings(), TWO, tmp_path / "p.csv", tmp_path / "p.md")
    table = pd.read_csv(tmp_path / "p.csv").set_index(["category", "measure"])
    assert list(table) == ["real", "fake", "ours", "published", "difference"] and len(table) == 6 * 3
    assert table.loc[("all", "accuracy")].tolist() == pytest.approx([2, 4, 4 / 6, 0.940, 4 / 6 - 0.940], abs=1e-6)
    assert table.loc[("all", "f1"), "ours"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 1), abs=1e-6)
    assert table.loc[("all", "auroc"), "ours"] == pytest.approx(6 / 8)
    assert table.loc[("Deepfakes", "accuracy")].tolist() == pytest.approx([2, 2, 0.75, 0.93, -0.18])
    assert table.loc[("FaceShifter", "f1")].tolist() == pytest.approx([2, 2, 0.5, 0.961, -0.461])
    swapped = table.loc[("FaceSwap", "auroc")]
    assert swapped[["real", "fake", "published"]].tolist() == [0, 0, 0.995] and np.isnan(swapped["ours"])
    text = (tmp_path / "p.md").read_text()
    assert "| Deepfakes (2 real, 2 fake) | accuracy | 0.7500 | 0.9300 | -0.1800 |" in text
    assert "| FaceSwap (none here) | AUROC |  | 0.9950 |  |" in text
    for words in (
        "validation",
        "79 of the 100",
        "stopped",
        "isn't comparable",
        "first_track, called fake where p(fake) ≥ 0.55",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("model", "backbone", "name"),
    [
        ("tf_efficientnet_b4", None, "EfficientNet-B4"),
        ("efficientnet_b7.ra_in1k", None, "EfficientNet-B7"),
        ("tf_efficientnet_b4_ns", None, "EfficientNet-B4"),
        ("efficientnet_pytorch06_b4", None, "EfficientNet-B4"),
        ("efficientnet_ltpa", "tf_efficientnet_b7", "EfficientNet-B7 with LTPA"),
        ("tf_efficientnet_b7.ns_jft_in1k", None, "EfficientNet-B7"),
        ("efficientnet_b5.sw_in12k_ft_in1k", None, "EfficientNet-B5"),
        ("efficientnet_b5.sw_in12k", None, "EfficientNet-B5"),
        ("efficientnet_ltpa", "efficientnet_pytorch_b4", "EfficientNet-B4 with LTPA"),
        ("efficientnet_b4_foo", None, ""),
        ("efficientnet_b3_pruned", None, ""),
        ("efficientnet_b3_pruned.in1k", None, ""),
        ("efficientnet_b4.foo", None, ""),
        ("efficientnet_b4_ns", None, ""),
        ("efficientnet_pytorch_b4.in1k", None, ""),
        ("tf_efficientnet_pytorch_b4", None, ""),
        ("efficientnet_ltpa", "efficientnet_b4_foo", ""),
        ("efficientnet_autoatt", "tf_efficientnet_b4", ""),
        ("efficientnet_vit", "tf_efficientnet_b4", ""),
        ("tf_efficientnetv2_b0", None, ""),
        ("resnet18", None, ""),
        ("efficientnet_ltpa", None, ""),
    ],
)
def test_which_network_a_published_figure_is_of(model, backbone, name):
    assert published.network_named(model, backbone) == name


def test_pino_s_figures_stand_beside_ours_in_the_line_of_the_same_network(tmp_path: Path):
    files = tmp_path / "p.csv", tmp_path / "p.md"
    settings = Settings(model="efficientnet_pytorch_b4", input_size=380)
    published.write("pino", measured(*VIDEOS), settings, TWO, *files)
    table = pd.read_csv(files[0]).set_index(["network", "size", "level"])
    assert len(table) == 16 and table["ours"].notna().sum() == 2
    # one of two originals and three of four fakes
    expected = [0.625, 0.931, 0.625 - 0.931]
    for level in ("frame", "video"):
        assert table.loc[("EfficientNet-B4", 380, level)].tolist() == pytest.approx(expected, abs=1e-6)
    assert table.loc[("EfficientNet-B7 with LTPA", 380, "video"), "published"] == 0.904
    assert "| EfficientNet-B4, 380 px | by video | 0.6250 | 0.9310 | -0.3060 |" in files[1].read_text()
    published.write("pino", measured(*VIDEOS), Settings(model="resnet18"), TWO, *files)
    assert pd.read_csv(files[0])["ours"].isna().all()
    assert "resnet18 at 224 px, is none of their networks; its own is 0.6250 by frame and" in files[1].read_text()
    published.write("pino", measured(*VIDEOS[2:]), settings, TWO, *files)
    assert "Ours isn't defined: the test has images of one kind alone." in files[1].read_text()


class Brightness(nn.Module):
    """Logits (0, 20 r, 20 b) of the mean red and blue."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        red, blue = x[:, 0].mean(dim=(1, 2)), x[:, 2].mean(dim=(1, 2))
        return torch.stack([torch.full_like(red, 5.0), 20 * red, 20 * blue], dim=1)


COLOURS = {"black": (0, 0, 0), "red": (255, 0, 0), "blue": (0, 0, 255)}


def flat(item) -> np.ndarray:
    return np.full((40, 30, 3), COLOURS[item["key"].split("/")[0]], dtype=np.uint8)


def test_images_are_classified_in_their_order_in_batches_of_any_size():
    plain = Preprocessing(8, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    rows = pd.DataFrame(
        {"key": ["red/1", "black/1", "blue/1", "red/2", "blue/2"], "label": [1, 0, 2, 0, 2], "video": "v"},
        index=[9, 7, 5, 3, 1],
    )
    rows["category"] = np.array(NAMES)[rows["label"]]
    for size in (1, 2, 16):
        detector = Detector(Brightness(), plain, classes=NAMES, forward_batch=size)
        items = [{"key": key, "sha256": f"hash of {key}"} for key in rows["key"]]
        records = list(classify(items, flat, detector))
        assert [{name: record[name] for name in ("key", "sha256")} for record in records] == items
        probabilities = np.stack([record["probabilities"] for record in records])
        images = predictions(probabilities, rows, detector.classes)
        metrics = evaluate(images, detector.classes)["frame"]
        assert list(images) == ["key", "category", "label", "predicted", "p_Real", "p_A", "p_B"]
        assert images["predicted"].tolist() == [1, 0, 2, 1, 2]
        # Red has the logits 5, 20, 0.
        assert images["p_A"][0] == pytest.approx(1 / (1 + np.exp(-15) + np.exp(-20)), abs=1e-6)
        assert metrics["overall"]["accuracy"] == pytest.approx(0.8)
        assert metrics["real_vs_fake"]["accuracy"] == pytest.approx(0.8)
        assert detector.images == 5


def test_what_is_measured_and_what_is_only_classified():
    """A is wanted, B is a class but not wanted, C is no class; nothing to measure is refused."""
    test = pd.DataFrame({"category": ["C", "A", "Real", "B"]})
    measured, others = parted(test, ["A", "C"], THREE)
    assert measured["category"].tolist() == ["A", "Real"] and others["category"].tolist() == ["C", "B"]
    with pytest.raises(
        InputError,
        match="the detector on: the test images are of the categories C, its classes are Real, A, B; add",
    ):
        parted(test[:1], ["A", "C"], THREE)
