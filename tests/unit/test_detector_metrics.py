"""Metrics by hand-worked numbers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from advxai.detector.metrics import check_labels, classify, evaluate, measure, write
from advxai.detector.model import Detector, Preprocessing
from advxai.errors import InputError

NAMES = ("Real", "A", "B")

# Six images; the likeliest classes are Real, Real, A, A, A, Real.
PROBABILITIES = torch.tensor(
    [
        [0.8, 0.1, 0.1],  # Real
        [0.6, 0.3, 0.1],  # Real
        [0.2, 0.7, 0.1],  # Real, called A
        [0.1, 0.8, 0.1],  # A
        [0.3, 0.5, 0.2],  # A
        [0.7, 0.2, 0.1],  # A, called Real
    ]
)
LABELS = torch.tensor([0, 0, 0, 1, 1, 1])


def test_metrics_of_six_images():
    metrics = measure(PROBABILITIES, LABELS, NAMES, real=0)
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
    b = measure(PROBABILITIES, LABELS, NAMES, real=0)["per_class"]["B"]
    assert b == {"n": 0, "accuracy": None, "auroc": None, "f1": None, "average_precision": None}


def test_fakes_of_the_wrong_category_are_fakes_all_the_same():
    metrics = measure(torch.tensor([[0.1, 0.2, 0.7], [0.9, 0.05, 0.05]]), torch.tensor([1, 0]), NAMES, real=0)
    assert metrics["overall"]["accuracy"] == 0.5
    assert metrics["real_vs_fake"] == {"accuracy": 1.0, "auroc": 1.0}


def test_images_of_one_class_alone_have_no_auroc():
    metrics = measure(PROBABILITIES[:3], LABELS[:3], NAMES, real=0)
    assert metrics["per_class"]["Real"]["auroc"] is None and metrics["real_vs_fake"]["auroc"] is None
    assert metrics["overall"]["auroc"] is None
    assert metrics["per_class"]["Real"]["average_precision"] == 1.0


def test_the_files_have_every_class_and_empty_cells_where_nothing_is_defined(tmp_path: Path):
    metrics = measure(PROBABILITIES, LABELS, NAMES, real=0)
    write(metrics, tmp_path / "m.json", tmp_path / "m.csv")
    assert json.loads((tmp_path / "m.json").read_text()) == metrics
    lines = (tmp_path / "m.csv").read_text().splitlines()
    assert lines[0] == "class,n,accuracy,auroc,f1,average_precision"
    assert lines[1] == "Real,3,0.666667,0.666667,0.666667,0.755556"
    assert lines[3] == "B,0,,,,"
    assert lines[-1] == "real_vs_fake,6,0.666667,0.666667,,"
    assert len(list(tmp_path.iterdir())) == 2


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
    for size in (1, 2, 16):
        detector = Detector(Brightness(), plain, classes=NAMES, forward_batch=size)
        items = [{"key": key, "sha256": f"hash of {key}"} for key in rows["key"]]
        records = list(classify(items, flat, detector))
        assert [{name: record[name] for name in ("key", "sha256")} for record in records] == items
        probabilities = np.stack([record["probabilities"] for record in records])
        images, metrics = evaluate(probabilities, rows, detector.classes, detector.real)
        assert list(images) == ["key", "label", "predicted", "p_Real", "p_A", "p_B"]
        assert images["predicted"].tolist() == [1, 0, 2, 1, 2]
        # Red has the logits 5, 20, 0.
        assert images["p_A"][0] == pytest.approx(1 / (1 + np.exp(-15) + np.exp(-20)), abs=1e-6)
        assert metrics["overall"]["accuracy"] == pytest.approx(0.8)
        assert metrics["real_vs_fake"]["accuracy"] == pytest.approx(0.8)
        assert detector.images == 5


def test_labels_out_of_range_and_no_rows_are_refused():
    with pytest.raises(InputError, match="red/1: label 3 isn't 0 to 2"):
        check_labels(pd.DataFrame({"key": ["red/1"], "label": [3]}), NAMES)
    with pytest.raises(InputError, match="no image"):
        check_labels(pd.DataFrame({"key": [], "label": []}), NAMES)
