"""A MesoNet of Keras as the detector: p(Real) of its one sigmoid, from the file to the store and back."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config.kernels import BACKENDS
from advxai.config.science import Detector as Settings
from advxai.detector.checkpoint import load, ready, save
from advxai.detector.keras import network_of
from advxai.run.weights import said
from tests.unit.test_detector_meso import PICTURES, by_numpy, images, made, sigmoid, written

MESO = Classes.named(["Real", "Fake"], output="sigmoid", positive="Real")


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("meso") / "Meso4.h5", made("meso4", 5, 5, 3))


@pytest.fixture(scope="module")
def wanted() -> np.ndarray:
    """p(Real) by numpy."""
    weights = made("meso4", 5, 5, 3)
    return sigmoid(np.array([by_numpy("meso4", weights, image, 5, 5, 3) for image in PICTURES]))


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "inductor"])  # it keeps no graph, as torch
def test_from_the_file_to_the_store_and_back(file, wanted, tmp_path, backend):
    settings = Settings(model="meso4", backend=backend, forward_batch=2)
    detector = load(settings, file)
    assert detector.classes == MESO and detector.preprocessing.input_size == 256
    np.testing.assert_allclose(detector.probabilities(images())[:, 0], wanted, atol=1e-5)
    stored = tmp_path / "detector.safetensors"
    save(stored, detector.module, model="meso4", preprocessing=detector.preprocessing, classes=detector.classes)
    assert {name: said(stored)[name] for name in ("classes", "output", "positive")} == MESO.said
    ready(settings, stored)
    again = load(settings, stored, weights=file_sha256(stored))
    assert again.classes == MESO and (again.module is None) == (backend != "torch")
    torch.testing.assert_close(again.probabilities(images()), detector.probabilities(images()), atol=1e-6, rtol=0)


def test_a_file_of_ours_and_a_configuration_that_contradict_each_other(file, tmp_path):
    detector = load(Settings(model="meso4"), file)
    stored = tmp_path / "detector.safetensors"
    save(stored, detector.module, model="meso4", preprocessing=detector.preprocessing, classes=detector.classes)
    for setting, value, was in (("positive", "Fake", "Real"), ("output", "softmax", "sigmoid")):
        with pytest.raises(InputError, match=f"was made with {setting} {was}; take detector.{setting} out"):
            load(Settings(model="meso4", **{setting: value}), stored)
    with pytest.raises(InputError, match="its classes are Real, Fake, not Real, Deepfakes"):
        load(Settings(model="meso4", classes=["Real", "Deepfakes"]), stored)
    turned = load(Settings(model="meso4", classes=["Fake", "Real"]), stored)  # of a sigmoid the order is free
    assert turned.classes.positive == 1
    torch.testing.assert_close(turned.probabilities(images()).flip(1), detector.probabilities(images()))
    assert load(Settings(model="meso4", threshold=0.55), stored).classes.threshold == 0.55


def test_another_network_than_the_file_s_is_said(file):
    with pytest.raises(InputError, match="Keras's weights are read for meso4 or mesoinception4, not resnet18"):
        load(Settings(model="resnet18", mean=[0.5] * 3, std=[0.5] * 3), file)
    with pytest.raises(
        InputError, match=r"isn't of mesoinception4: it has 4 layers conv2d, not 16; set detector\.model"
    ):
        load(Settings(model="mesoinception4"), file)
    with pytest.raises(InputError, match=r"has the shape \(1024, 16\), not \(256, 16\); set detector\.input_size"):
        load(Settings(model="meso4", input_size=128), file)
    with pytest.raises(InputError, match=r"has the shape \(16, 1\), not \(16, 2\); set detector\.output and detector"):
        load(Settings(model="meso4", output="softmax"), file)
    with pytest.raises(InputError, match=r"detector\.input_size: .*a multiple of 32, not 100"):
        load(Settings(model="meso4", input_size=100), file)


def test_names_that_are_no_text_are_shown(tmp_path, file):
    for number, (name, shown) in enumerate(((b"conv\xff", "conv\ufffd"), (b"a\nb", r"'a\\nb/kernel'"))):
        path = tmp_path / f"{number}.h5"
        path.write_bytes(file.read_bytes())
        with h5py.File(path, "r+") as content:
            content.create_group(name)["kernel:0"] = np.zeros(1, np.float32)
        with pytest.raises(InputError, match=shown):
            load(Settings(model="meso4"), path)


@pytest.mark.parametrize("name", ["meso4", "mesoinception4"])
def test_a_file_shows_which_network_it_is_of(tmp_path, name):
    weights = made(name)
    assert network_of(written(tmp_path / "a.h5", weights)) == name
    less = {key: array for key, array in weights.items() if not key.startswith("dense_2/")}
    with pytest.raises(InputError, match="is of none of meso4, mesoinception4: it has the layers .*1 dense"):
        network_of(written(tmp_path / "b.h5", less))
