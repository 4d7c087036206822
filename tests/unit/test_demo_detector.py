"""The weights in the repository are those of the configuration, and what compares runs counts rightly."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from torch import nn

from advxai.common.classes import FIVE
from advxai.common.files import file_sha256
from advxai.config import load
from advxai.config.file import read
from advxai.config.science import Detector as Settings
from advxai.detector import checkpoint
from advxai.detector.logits import answers
from advxai.detector.model import Preprocessing
from advxai.run import weights
from advxai.run.paths import Paths
from benchmarks import demo_detector
from benchmarks.demo_detector import CARD, DEMO, WEIGHTS, counts, halved, trained, training_digest, widest

HALF = (0.5, 0.5, 0.5)


def net(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(256, num_classes))


def said() -> dict:
    return json.loads(CARD.read_text())


def test_the_weights_are_those_of_the_present_clips_and_training():
    """Red after a change of either: `make demo-detector` makes them anew."""
    mapping, card = read(DEMO), said()
    now = load(mapping).detector.training.model_dump(mode="json")
    assert card["training"] == {name: now[name] for name in card["training"]}  # keys that came since are in the digest
    assert card["digest"] == training_digest(mapping)
    assert card["sha256"] == file_sha256(WEIGHTS)


def test_the_demo_starts_from_them_and_they_answer_as_they_did():
    settings = load(read(DEMO)).detector
    assert Path(settings.trained_file).resolve() == WEIGHTS and settings.checkpoint is None
    assert Paths(load(read(DEMO))).ready_made == Path(settings.trained_file)
    module = checkpoint.load(settings.model_copy(update={"backend": "torch"}), WEIGHTS, forward_batch=1).module
    found = answers(module, settings.input_size, FIVE, "it")
    np.testing.assert_allclose(found.numpy(), said()["answers"], atol=1e-5)
    with safe_open(WEIGHTS, framework="pt") as file:
        assert file.get_tensor("conv_stem.weight").dtype == torch.float16
    assert WEIGHTS.stat().st_size < 7_000_000


@pytest.mark.parametrize("change", ["seed", "clip", "training"])
def test_what_the_weights_depend_on_is_in_their_digest(change):
    mapping = read(DEMO)
    before = training_digest(mapping)
    if change == "seed":
        mapping["seed"] = 1
    elif change == "clip":
        mapping["corpus"]["clips"][0]["source"]["sha256"] = "0" * 64
    else:
        mapping["detector"]["training"]["epochs"] += 1
    assert training_digest(mapping) != before


def test_what_the_weights_don_t_depend_on_is_not():
    mapping = read(DEMO)
    before = training_digest(mapping)
    mapping["detector"] |= {"backend": "torch", "forward_batch": 3, "trained": None}
    mapping["explainers"].pop("LIME")
    assert training_digest(mapping) == before


def test_weights_are_kept_in_half_the_bytes_and_answer_alike(tmp_path):
    torch.manual_seed(0)
    module = net(5).eval()
    module[1].running_mean += 0.3
    model = f"{__name__}:net"
    checkpoint.save(tmp_path / "a.safetensors", module, model=model, preprocessing=Preprocessing(32, HALF, HALF))
    mapping = {
        "run": "x",
        "corpus": {"kind": "demo", "clips": read(DEMO)["corpus"]["clips"]},
        "detector": {"model": model, "input_size": 32, "mean": HALF, "std": HALF, "trained": "elsewhere"},
    }
    assert trained(mapping)["detector"]["trained"] is None
    halved(tmp_path / "a.safetensors", tmp_path / "b.safetensors", mapping)
    settings = Settings(**mapping["detector"])
    kept = checkpoint.load(settings, tmp_path / "b.safetensors").module
    assert weights.said(tmp_path / "b.safetensors")["training"] == training_digest(mapping)
    assert kept[0].weight.dtype == torch.float32
    assert torch.equal(kept[0].weight, module[0].weight.half().float())
    np.testing.assert_allclose(answers(kept, 32, FIVE, "b"), answers(module, 32, FIVE, "a").detach(), atol=1e-3)


def test_images_are_counted_by_cell_and_the_widest_comes_first(tmp_path):
    columns = ["all top-1", "all top-2", "all top-3"]
    accuracy = pd.DataFrame([[24, 0.5, 0.25, 0.25], [24, 0.75, 0.5, 1 / 24]], columns=["n", *columns])
    accuracy.insert(0, "explainer", ["Original", "LIME"])
    flips = pd.DataFrame([["LIME", 24, 23, 1, 2, 3]], columns=["explainer", "images", "n", *columns])
    accuracy.to_csv(tmp_path / "accuracy.csv", index=False)
    flips.to_csv(tmp_path / "flips.csv", index=False)
    found = counts(tmp_path)
    assert found["accuracy"]["Original"].tolist() == [12, 6, 6]
    np.testing.assert_allclose(found["accuracy"]["LIME"], [18, 12, 1])
    assert found["flips"]["LIME"].tolist() == [1, 2, 3]
    other = found.copy()
    other[("flips", "LIME", "all top-2")] = 7
    other[("accuracy", "LIME", "all top-1")] = 16
    table = widest(pd.DataFrame({"a": found, "b": other}))
    assert table["apart"].tolist()[:3] == [5, 2, 0]
    assert table.index[0] == ("flips", "LIME", "all top-2")
    assert table.iloc[0][["least", "largest"]].tolist() == [2, 7]


def test_five_seeds_and_two_numbers_of_threads_are_compared():
    assert [name for name, *_ in demo_detector.runs()][:3] == ["s0_t1", "s1_t1", "s2_t1"]
    assert len(list(demo_detector.runs())) == 10
