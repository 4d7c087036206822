"""The graph beside a detector's weights: jobs compute it without the module, and only while it is that detector's."""

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config.science import Detector as Settings
from advxai.detector import checkpoint
from advxai.detector.checkpoint import load, ready, save
from advxai.detector.graph import Graph, Made, export, graph_file, keep, read
from advxai.detector.logits import answers, random_images
from advxai.detector.model import Detector, Preprocessing
from advxai.frames import database

HALF = (0.5, 0.5, 0.5)
SIZE = 32
MODEL = f"{__name__}:net"
SETTINGS = Settings(model=MODEL, input_size=SIZE, mean=HALF, std=HALF, forward_batch=4, backend="openvino")
BACKENDS = ("openvino", "onnxruntime")
# What takes long to import and a job with forwards has no use for.
UNUSED = (
    "timm", "torchvision", "torch._dynamo", "torch.onnx", "pandas", "matplotlib", "sklearn", "shap", "lime", "captum",
    "pytorch_grad_cam",
)  # fmt: skip


def net(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(256, num_classes))


class Untraceable(nn.Module):
    """Its answer depends on a Python function of the values, which no graph can hold."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(3, classes)

    def forward(self, images: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            raise RuntimeError("not to be traced")
        return self.head(images.mean(dim=(2, 3)))


def untraceable(num_classes: int) -> nn.Module:
    return Untraceable(num_classes)


def pooled(num_classes: int) -> nn.Module:
    """Pools to a size that isn't a divisor of the image's, which the exporter doesn't know."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(5), nn.Flatten(), nn.Linear(75, num_classes))


def saved(path: Path, seed: int = 1, factory=net, model: str = MODEL) -> str:
    """A detector's file with weights of a seed; returns its hash."""
    torch.manual_seed(seed)
    save(path, factory(FIVE.outputs).eval(), model=model, preprocessing=Preprocessing(SIZE, HALF, HALF))
    return file_sha256(path)


def made(weights: str) -> Made:
    return Made.of(weights, MODEL, FIVE, SIZE)


@pytest.fixture
def forbidden(monkeypatch):
    """From now on nobody may build a module."""

    def forbid() -> None:
        def build(*_: object) -> None:
            raise AssertionError("the module was built")

        monkeypatch.setattr(checkpoint, "build_module", build)

    return forbid


def images(count: int) -> Tensor:
    return random_images(count, 3, SIZE, SIZE)


def test_a_kept_graph_is_an_onnx_model_and_read_back_as_it_was(tmp_path):
    module = net(5).eval()
    graph = export(module, SIZE, answers(module, SIZE, FIVE, "it"))
    keep(graph, tmp_path / "a.safetensors", made("0" * 64))
    assert read(tmp_path / "a.safetensors", made("0" * 64)) == graph
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    said = json.loads(session.get_modelmeta().custom_metadata_map["advxai"])
    assert said["made"]["weights"] == "0" * 64 and said["made"]["classes"] == {"classes": list(FIVE.names)}
    (got,) = session.run(None, {"images": images(3).numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(got, module(images(3)).numpy(), atol=1e-5)
    np.testing.assert_array_equal(np.float32(graph.answers), module(images(2)).softmax(1).detach().numpy())


@pytest.mark.parametrize(
    "change", [{"weights": "1" * 64}, {"model": "other:net"}, {"classes": ["Real"]}, {"input_size": 64}, {"code": "x"}]
)
def test_a_graph_of_anything_else_is_not_used(tmp_path, change):
    keep(Graph(b"model", ((1.0,),), {}), tmp_path / "a.safetensors", made("0" * 64))
    assert read(tmp_path / "a.safetensors", made("0" * 64)) is not None
    assert read(tmp_path / "a.safetensors", replace(made("0" * 64), **change)) is None


def test_code_of_ones_own_is_part_of_what_a_graph_was_made_from():
    assert made("0" * 64).code is not None
    assert Made.of("0" * 64, "tf_efficientnet_lite0", FIVE, SIZE).code is None


def test_any_changed_bit_is_noticed(tmp_path):
    path = tmp_path / "a.safetensors"
    keep(Graph(bytes(20), ((0.25, 0.75),), {"torch": "2.15.0"}), path, made("0" * 64))
    whole, wanted = graph_file(path).read_bytes(), made("0" * 64)
    for bit in range(0, 8 * len(whole), 3):  # all eight places, every third bit
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        graph_file(path).write_bytes(content)
        assert read(path, wanted) is None, bit
    graph_file(path).write_bytes(whole)
    assert read(path, wanted) is not None


@pytest.mark.parametrize(
    "content", [b"", b"advxai", b"\x0a\x06advxai\x12", b"\x0a\x06advxai\x12\xff\xff\xff\xff\xff\xff"]
)
def test_what_is_no_graph_is_none(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    assert read(tmp_path / "a.safetensors", made("0" * 64)) is None
    assert read(tmp_path / "b.safetensors", made("0" * 64)) is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_second_job_builds_no_module_and_answers_the_same(tmp_path, backend, forbidden):
    path = tmp_path / "detector.safetensors"
    weights = saved(path)
    settings = SETTINGS.model_copy(update={"backend": backend, "mean": None, "std": None})
    first = load(settings.model_copy(update={"mean": HALF, "std": HALF}), path, weights=weights)
    forbidden()
    second = load(settings, path, weights=weights, forward_batch=3)
    assert first.module is not None and second.module is None
    assert second.graph == first.graph and second.preprocessing == first.preprocessing
    assert second.forward_batch == 3 and second.classes == FIVE
    alike = load(settings, path, weights=weights)
    assert torch.equal(alike.probabilities(images(5)), first.probabilities(images(5)))


def test_without_a_hash_nothing_is_kept_beside_a_file_of_the_users(tmp_path):
    saved(tmp_path / "mine.safetensors")
    assert load(SETTINGS, tmp_path / "mine.safetensors").graph is not None
    assert [path.name for path in tmp_path.iterdir()] == ["mine.safetensors"]


def test_other_weights_get_a_graph_of_their_own(tmp_path):
    path = tmp_path / "detector.safetensors"
    former = saved(path)
    before = load(SETTINGS, path, weights=former).probabilities(images(2))
    weights = saved(path, seed=2)
    with pytest.raises(InputError, match="isn't the detector that this job was started for"):
        load(SETTINGS, path, weights=former)
    detector = load(SETTINGS, path, weights=weights)
    wanted = answers(detector.module, SIZE, FIVE, "it")
    np.testing.assert_allclose(detector.probabilities(images(2)), wanted, atol=1e-6)
    assert float((wanted - before).abs().max()) > 0.01
    assert read(path, made(weights)) == detector.graph and read(path, made(former)) is None


@pytest.mark.parametrize("fault", ["answers", "model"])
def test_a_graph_that_can_t_be_used_is_made_anew(tmp_path, caplog, fault):
    """Whole, by its seal, but its answers aren't what this backend computes, or the backend can't read it."""
    path = tmp_path / "detector.safetensors"
    weights = saved(path)
    graph = load(SETTINGS, path, weights=weights).graph
    off = tuple(tuple(value + 0.001 for value in row) for row in graph.answers)
    keep(replace(graph, **({"answers": off} if fault == "answers" else {"onnx": b"x" * 99})), path, made(weights))
    detector = load(SETTINGS, path, weights=weights)
    assert detector.module is not None and read(path, made(weights)) == detector.graph == graph
    assert "detector.onnx can't be used (detector.backend: openvino" in caplog.text
    assert load(SETTINGS, path, weights=weights).module is None


class Relative(nn.Module):
    """An answer depends on the other rows."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(3, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.head(images.mean(dim=(2, 3)))
        return logits - logits.mean(dim=0)


@pytest.mark.parametrize("forward_batch", [3, 4, 16])
def test_a_module_whose_rows_depend_on_each_other_is_refused(forward_batch):
    torch.manual_seed(0)
    with pytest.raises(InputError, match="openvino gives probabilities .* away from torch's"):
        Detector(Relative(5), Preprocessing(SIZE, HALF, HALF), forward_batch=forward_batch, backend="openvino")


def test_a_failed_export_prints_no_graph(tmp_path, capfd):
    path, model = tmp_path / "detector.safetensors", f"{__name__}:pooled"
    weights = saved(path, factory=pooled, model=model)
    with pytest.raises(InputError, match="openvino can't take this model"):
        load(SETTINGS.model_copy(update={"model": model}), path, weights=weights)
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_can_t_be_written_to_costs_time_only(tmp_path, caplog):
    path = tmp_path / "detector.safetensors"
    weights = saved(path)
    graph_file(path).mkdir()
    graph_file(path).joinpath("in the way").touch()
    assert load(SETTINGS, path, weights=weights).module is not None
    assert "detector.onnx can't be written" in caplog.text and "each job builds the network" in caplog.text


def test_a_new_detector_is_made_ready_for_the_backends_that_compute_a_graph(tmp_path, forbidden):
    path = tmp_path / "detector.safetensors"
    weights = saved(path)
    for other in (SETTINGS.model_copy(update={"backend": "torch"}), SETTINGS.model_copy(update={"device": "cuda"})):
        ready(other, path)
        assert not graph_file(path).exists()
    ready(SETTINGS, path)
    forbidden()
    assert load(SETTINGS, path, weights=weights).module is None


def test_a_module_that_can_t_be_exported_works_the_old_way(tmp_path, caplog):
    path, model = tmp_path / "detector.safetensors", f"{__name__}:untraceable"
    weights = saved(path, factory=untraceable, model=model)
    settings = SETTINGS.model_copy(update={"model": model})
    with caplog.at_level(logging.WARNING):
        ready(settings, path)
    assert "openvino can't take this model (not to be traced); set it to torch" in caplog.text
    assert not graph_file(path).exists()
    detector = load(settings.model_copy(update={"backend": "torch"}), path, weights=weights)
    assert torch.equal(detector.probabilities(images(2)), answers(detector.module, SIZE, FIVE, "it"))


JOB = """
import json, sys
from pathlib import Path
from advxai.config import load
from advxai.detector.forwards import image_loader, open_detector
import advxai.run.store
from advxai.run.paths import Paths

config = load(json.loads(sys.argv[1]))
folder, item = Path(sys.argv[2]), json.loads(sys.argv[3])
detector = open_detector(Paths(config), str(folder / "detector.safetensors"), sys.argv[4])
image = image_loader(str(folder / "frames.lmdb"))
from advxai.adversary import run
next(iter(run([item], image, detector, config.adversary, 0, 1)))
from advxai.saliency import run
for settings in config.explainers.values():
    next(iter(run([item], image, detector, settings, 0, 1)))
from advxai.evaluation.attacks import run
print(json.dumps([detector.images, [name for name in sys.argv[5:] if name in sys.modules]]))
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_job_with_forwards_imports(tmp_path, backend):
    """A timm network, all stages' and explainers' forwards: no timm, and none of what it and others pull in."""
    import timm

    torch.manual_seed(0)
    module = timm.create_model("tf_efficientnet_lite0", num_classes=FIVE.outputs).eval()
    path = tmp_path / "detector.safetensors"
    save(path, module, model="tf_efficientnet_lite0", preprocessing=Preprocessing(SIZE, HALF, HALF))
    config = {
        "run": "tiny",
        "corpus": {"kind": "ffpp", "root": ".", "splits": "."},
        "detector": {"model": "tf_efficientnet_lite0", "input_size": SIZE, "backend": backend, "forward_batch": 4},
        "adversary": {"samples": 1, "iterations": 1},
        "explainers": {
            "LIME": {"method": "lime", "baseline": "zeros", "samples": 8},
            "SHAP": {"method": "shap", "baseline": {"kind": "blur", "size": 4}, "evaluations": 8},
            "RISE": {"method": "rise", "baseline": "image_mean", "masks": 8},
        },
    }
    ready(Settings(**config["detector"]), path)
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), np.uint8))
    item = {"key": "a", "sha256": file_sha256(tmp_path / "a.png")}
    database.build(pd.DataFrame([item | {"file": str(tmp_path / "a.png")}]), tmp_path / "frames.lmdb")
    command = [sys.executable, "-c", JOB, json.dumps(config), str(tmp_path), json.dumps(item), file_sha256(path)]
    done = subprocess.run([*command, *UNUSED], capture_output=True, text=True, check=True)
    forwards, imported = json.loads(done.stdout.splitlines()[-1])
    assert forwards > 24 and imported == []
