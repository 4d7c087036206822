"""The detector that an explanation is of."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.explain import command
from advxai.explain.request import requests
from advxai.run.paths import Paths
from advxai.run.weights import KEY as KEY_OF_OURS
from advxai.run.weights import said as said_of
from tests.unit.cases.small_run import HALF, KEY, MODEL
from tests.unit.explain_run.asking import changed, explained, read, weights
from tests.unit.test_detector_meso import made, written
from tests.unit.test_dialects_onnx import GIVEN, Net, exported


def test_a_detector_of_one_s_own_says_what_it_is(finished, faces, photo, tmp_path):
    torch.manual_seed(1)
    small = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 2))
    path = tmp_path / "own.safetensors"
    checkpoint.save(
        path,
        small,
        model=f"{__name__}:two_classes",
        preprocessing=Preprocessing(32, HALF, HALF),
        classes=Classes.named(("Fake", "Real")),
    )
    named = changed(finished, detector={"model": f"{__name__}:two_classes"})
    explained(named, [str(photo)], tmp_path / "out", weights=path, names=["LIME"])
    said = read(tmp_path / "out", "me")
    assert said["detector"]["classes"] == ["Fake", "Real"] and said["detector"]["input_size"] == 32
    assert said["detector"]["file"] == str(path)
    (image,) = said["faces"][0]["images"]
    assert set(image["probabilities"]) == {"Fake", "Real"}
    with torch.inference_mode():
        crop = np.load(tmp_path / "out" / "me.npz")["1/crop"]
        answer = small(Preprocessing(32, HALF, HALF).normalised(crop)[None]).softmax(1)[0].tolist()
    assert [image["probabilities"][name] for name in ("Fake", "Real")] == pytest.approx(answer, abs=1e-6)


def test_faces_are_cut_as_the_file_says_for_itself(finished, faces, photo, tmp_path):
    """And as the configuration does, where it says something."""
    path = weights(tmp_path / "own.safetensors")
    tensors, said = load_file(path), said_of(path)
    said["faces"] = {"scale": 1.0, "margins": [0.25, 0, 0.25, 0], "square": False, "edges": "clip"}
    save_file(tensors, path, metadata={KEY_OF_OURS: json.dumps(said)})
    explained(finished, [str(photo)], tmp_path / "a", weights=path, names=["LIME"])
    own = read(tmp_path / "a", "me")
    assert [face["images"][0]["crop"] for face in own["faces"]] == [[10, 40, 70, 80], [80, 40, 140, 80]]
    assert own["settings"]["faces"]["margins"] == [0.25, 0, 0.25, 0] and own["settings"]["faces"]["edges"] == "clip"
    asked = changed(finished, faces={"square": True})
    explained(asked, [str(photo)], tmp_path / "b", weights=path, names=["LIME"])
    (first, _) = read(tmp_path / "b", "me")["faces"]
    assert first["images"][0]["crop"] == [10, 30, 70, 90]
    explained(finished, [str(photo)], tmp_path / "c", names=["LIME"])  # the run's own detector says nothing
    assert read(tmp_path / "c", "me")["faces"][0]["images"][0]["crop"] == [14, 34, 66, 86]


def test_code_that_a_file_alone_names_isn_t_imported(finished, photo, tmp_path, monkeypatch):
    (tmp_path / "others_code.py").write_text("raise SystemExit('it was run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = weights(tmp_path / "other.safetensors", model="others_code:net")
    with pytest.raises(
        InputError,
        match=r"other.safetensors: says that its network is made by code, others_code:net, which is imported only if "
        r"the configuration says the same: .*set detector.model to others_code:net, or give another file",
    ):
        explained(finished, [KEY], tmp_path / "out", weights=path, names=["LIME"])
    assert "others_code" not in sys.modules


def test_what_a_file_says_of_itself_must_be_possible(finished, photo, tmp_path):
    path = weights(tmp_path / "other.safetensors", preprocessing=Preprocessing(10**9, HALF, HALF))
    with pytest.raises(InputError, match=r"other.safetensors: its metadata say input_size 1000000000, which can't be"):
        explained(finished, [KEY], tmp_path / "out", weights=path, names=["LIME"])


def two_classes(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, num_classes))


def test_a_file_of_keras_says_by_its_layers_which_mesonet_it_is(finished, faces, photo, tmp_path):
    path = written(tmp_path / "Meso.h5", made("mesoinception4"))
    explained(finished, [str(photo)], tmp_path / "out", weights=path, names=["LIME"])
    detector = read(tmp_path / "out", "me")["detector"]
    assert (detector["model"], detector["input_size"]) == ("mesoinception4", 256)
    assert (detector["classes"], detector["real"], detector["threshold"]) == (["Real", "Fake"], "Real", None)


def test_the_configured_threshold_holds_for_a_file_too(finished, photo, tmp_path):
    """The configuration comes first; of a file that says one itself, `likeliest` takes it away."""
    path = weights(tmp_path / "own.safetensors", classes=Classes.named(FIVE.names, threshold=0.001))
    low = explained(finished, [KEY], tmp_path / "a", weights=path, names=["LIME"])
    high = changed(finished, detector={"model": MODEL, "threshold": 0.999})
    said = explained(high, [KEY], tmp_path / "b", weights=path, names=["LIME"])
    assert "fake from 0.001" in low.lines[0] and "fake from 0.999" in said.lines[0] and "called Real" in said.lines[0]
    likeliest = changed(finished, detector={"model": MODEL, "threshold": "likeliest"})
    assert "fake from" not in explained(likeliest, [KEY], tmp_path / "c", weights=path, names=["LIME"]).lines[0]


def test_a_detector_without_the_class_real_is_refused(finished, photo, tmp_path):
    path = weights(tmp_path / "other.safetensors", classes=SimpleNamespace(said={"classes": list("abcde")}))
    with pytest.raises(
        InputError, match=r"other.safetensors: detector.real: Real is none of the detector's classes, a, b"
    ):
        explained(finished, [KEY], tmp_path, weights=path)


def test_without_a_detector_the_message_says_how_to_get_one(finished, tmp_path):
    untrained = changed(finished, detector={"model": "resnet18", "checkpoint": None})
    with pytest.raises(InputError, match=r"hasn't trained its detector yet: run `snakemake --cores 2 .*--detector"):
        explained(untrained, [KEY], tmp_path)
    away = changed(finished)
    gone = Paths(
        away.config.model_copy(
            update={"detector": away.config.detector.model_copy(update={"checkpoint": "gone.ckpt"})}
        ),
        planning=True,
    )
    with pytest.raises(InputError, match="detector.checkpoint: gone.ckpt isn't there"):
        explained(gone, [KEY], tmp_path)


def test_a_graph_is_kept_beside_the_store_s_file_alone(finished, tmp_path, monkeypatch):
    """What lies beside a checkpoint of the user's is his own."""
    seen, load = [], checkpoint.load
    monkeypatch.setattr(checkpoint, "load", lambda *a, **k: seen.append(k["weights"]) or load(*a, **k))
    explained(finished, [KEY], tmp_path / "a")
    stored = finished.detector.path / "detector.safetensors"
    stored.parent.mkdir(parents=True)
    try:
        shutil.copy(str(finished.config.detector.checkpoint), stored)
        explained(finished, [KEY], tmp_path / "b")
        assert seen == [None, file_sha256(stored)]
    finally:
        shutil.rmtree(stored.parent)


def test_the_run_s_own_file_is_preferred_to_the_checkpoint(finished):
    stored = finished.detector.path / "detector.safetensors"
    assert command.weights_of(finished) == Path(str(finished.config.detector.checkpoint))
    stored.parent.mkdir(parents=True)
    try:
        shutil.copy(str(finished.config.detector.checkpoint), stored)
        assert command.weights_of(finished) == stored and load_file(stored)
    finally:
        shutil.rmtree(stored.parent)


def test_of_an_onnx_file_white_boxes_are_left_out_unless_they_are_asked_for(finished, tmp_path):
    path = exported(Net(), tmp_path / "a.onnx", size=48)
    lime = {"method": "lime", "baseline": "zeros", "samples": 10}
    white = {"method": "tests.custom:GradientTimesInput", "baseline": "zeros"}
    rows = {"LIME": lime, "White": white, "Cam": {"method": "gradcam"}}
    both = changed(finished, explainers=rows, detector={"backend": "onnxruntime", "forward_batch": 16, **GIVEN})
    said = explained(both, [KEY], tmp_path / "out", weights=path)
    reason = "an ONNX file has no gradients, which these rows ask the detector's module for: "
    rows_of = "explainers.White (tests.custom:GradientTimesInput), explainers.Cam (gradcam)"
    assert f"{reason}{rows_of}: left out." in said.notes
    written = read(tmp_path / "out", requests([KEY])[0].stem)
    assert list(written["faces"][0]["images"][0]["explainers"]) == ["LIME"]
    assert list(written["settings"]["explainers"]) == ["LIME"]
    with pytest.raises(InputError, match=f"a.onnx: {re.escape(reason)}take them out, or .*: {re.escape(rows_of)}$"):
        explained(both, [KEY], tmp_path / "b", weights=path, chosen=True)
    with pytest.raises(
        InputError, match=r"a.onnx: an ONNX file has .*which this row asks .*: explainers.Cam \(gradcam\)$"
    ):
        explained(both, [KEY], tmp_path / "b", weights=path, names=["Cam"])
    assert not (tmp_path / "b").exists()
