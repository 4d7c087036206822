"""Checkpoint forms, and what is said about a file that can't be used."""

import os
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAUROC

from advxai.common.classes import FIVE, Classes
from advxai.common.errors import InputError
from advxai.config.science import Detector as Settings
from advxai.detector.build import load_initial
from advxai.detector.checkpoint import load, save
from advxai.detector.model import Preprocessing
from advxai.run.weights import said

HALF = (0.5, 0.5, 0.5)
PLAIN = Preprocessing(32, HALF, HALF)


def net(num_classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(16, num_classes),
    )  # fmt: skip


def named_loss(num_classes: int) -> nn.Module:
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), loss=nn.Linear(3072, num_classes)))


MODEL = f"{__name__}:net"
SETTINGS = Settings(model=MODEL, input_size=32, mean=HALF, std=HALF, forward_batch=4)
IMAGES = torch.linspace(-1, 1, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)


def drawn(classes: int = 5) -> nn.Module:
    torch.manual_seed(1)
    return net(classes).eval()


def expected(module: nn.Module) -> Tensor:
    with torch.inference_mode():
        return module(IMAGES).softmax(dim=1)


def test_our_own_file_gives_the_same_probabilities_and_appears_whole(tmp_path: Path):
    module, path = drawn(), tmp_path / "made" / "detector.safetensors"
    save(path, module, model=MODEL, preprocessing=PLAIN)
    first = path.read_bytes()
    save(path, module, model=MODEL, preprocessing=PLAIN)
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ["detector.safetensors"]
    detector = load(SETTINGS, path)
    assert detector.classes == FIVE and detector.real == 0 and detector.forward_batch == 4
    assert torch.allclose(detector.probabilities(IMAGES), expected(module), atol=1e-6)
    assert load(SETTINGS, path, forward_batch=9).forward_batch == 9


def test_our_own_file_brings_its_mean_and_std_when_the_configuration_has_none(tmp_path: Path):
    path = tmp_path / "d.safetensors"
    save(path, drawn(), model=MODEL, preprocessing=Preprocessing(32, (0.1, 0.2, 0.3), HALF))
    detector = load(Settings(model=MODEL, input_size=32), path)
    assert detector.preprocessing == Preprocessing(32, (0.1, 0.2, 0.3), HALF)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"input_size": 64}, "was made with input_size 32; set detector.input_size to it, not to 64"),
        ({"mean": (0.4, 0.5, 0.5)}, r"was made with mean \[0.5, 0.5, 0.5\]"),
        ({"model": "tf_efficientnet_lite0"}, "was made with model"),
    ],
)
def test_our_own_file_used_in_another_way_is_refused(tmp_path: Path, change: dict, text: str):
    path = tmp_path / "d.safetensors"
    save(path, drawn(), model=MODEL, preprocessing=PLAIN)
    with pytest.raises(InputError, match=text):
        load(SETTINGS.model_copy(update=change), path)


def test_other_classes_in_our_own_file_are_refused(tmp_path: Path):
    path = tmp_path / "d.safetensors"
    save(path, drawn(), model=MODEL, preprocessing=PLAIN, classes=Classes.named(FIVE.names[::-1]))
    with pytest.raises(InputError, match="its classes are FaceSwap, Deepfakes, Face2Face, NeuralTextures, Real, not"):
        load(SETTINGS, path, classes=FIVE)
    assert load(SETTINGS, path).classes.names == FIVE.names[::-1]  # nobody says otherwise


def lightning(module: nn.Module) -> dict:
    state = {f"model.{name}": value for name, value in module.state_dict().items()}
    return {"state_dict": state, "hyper_parameters": {"lr": 0.001, "name": "x"}, "epoch": 3, "callbacks": {}}


def test_a_lightning_checkpoint_and_a_bare_state_dict_load(tmp_path: Path):
    module = drawn()
    forms = {"l.ckpt": lightning(module), "b.pth": module.state_dict()}
    for name, content in forms.items():
        torch.save(content, tmp_path / name)
        assert torch.allclose(load(SETTINGS, tmp_path / name).probabilities(IMAGES), expected(module), atol=1e-6)
    save_file(module.state_dict(), tmp_path / "s.safetensors")
    assert torch.allclose(load(SETTINGS, tmp_path / "s.safetensors").probabilities(IMAGES), expected(module), atol=1e-6)


def missing(content: dict) -> None:
    del content["state_dict"]["model.0.bias"]


def unexpected(content: dict) -> None:
    content["state_dict"]["model.9.weight"] = torch.zeros(1)


def foreign(content: dict) -> None:
    content["state_dict"]["teacher.weight"] = torch.zeros(5)


def other_shape(content: dict) -> None:
    content["state_dict"]["model.0.weight"] = torch.zeros(4, 3, 5, 5)


def not_a_tensor(content: dict) -> None:
    content["state_dict"]["model.0.bias"] = "text"


def no_state(content: dict) -> None:
    content["state_dict"] = {}


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (missing, "lacks the tensor 0.bias"),
        (unexpected, "has the tensor 9.weight"),
        (foreign, "has the tensor teacher.weight"),
        (other_shape, "0.weight is 4x3x5x5, the model's is 4x3x3x3"),
        (not_a_tensor, "model.0.bias isn't a tensor"),
        (no_state, "holds no state_dict"),
    ],
)
def test_a_checkpoint_that_does_not_fit_names_file_and_key(tmp_path: Path, spoil, text: str):
    content = lightning(drawn())
    spoil(content)
    torch.save(content, tmp_path / "l.ckpt")
    with pytest.raises(InputError, match="l.ckpt: ") as caught:
        load(SETTINGS, tmp_path / "l.ckpt")
    assert text in str(caught.value) and "\n" not in str(caught.value)


def test_another_number_of_classes_says_both(tmp_path: Path):
    torch.save(lightning(drawn(2)), tmp_path / "l.ckpt")
    with pytest.raises(InputError, match="4.weight is a head of 2 classes, not 5"):
        load(SETTINGS, tmp_path / "l.ckpt")


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_pickled_code_is_not_run(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    module, file, folder = drawn(), tmp_path / "l.ckpt", tmp_path / "made"
    torch.save(lightning(module) | {"callbacks": Malicious(folder)}, file)
    with caplog.at_level("INFO"):
        found = load(SETTINGS, file).module
    assert torch.equal(found[4].weight, module[4].weight) and not folder.exists()
    assert f"l.ckpt: holds pickled code ({os.mkdir.__module__}.mkdir), which isn't run" in caplog.text
    torch.load(file, weights_only=False)  # it would have run
    assert folder.exists()


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (Namespace(lr=1), "argparse.Namespace"),
        (Path("/data"), "pathlib"),
        (np.float64(0.1), "scalar"),
        (MulticlassAUROC(5), "MulticlassAUROC"),
    ],
)
def test_hyper_parameters_that_are_objects_are_left_alone_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, thing, name: str
):
    module, file = drawn(), tmp_path / "l.ckpt"
    torch.save(lightning(module) | {"hyper_parameters": {"thing": thing}}, file)
    with caplog.at_level("INFO"):
        assert torch.equal(load(SETTINGS, file).module[4].weight, module[4].weight)
    assert name in caplog.text


def test_tensors_of_the_loss_are_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    module, content = drawn(), lightning(drawn())
    content["state_dict"] |= {"loss.pos_weight": torch.tensor(4.0), "loss.weight": torch.ones(5)}
    torch.save(content, tmp_path / "l.ckpt")
    with caplog.at_level("INFO"):
        found = load(SETTINGS, tmp_path / "l.ckpt").probabilities(IMAGES)
    assert torch.allclose(found, expected(module), atol=1e-6)
    assert "l.ckpt: loss.pos_weight, loss.weight belong to the training's loss" in caplog.text


def test_a_module_of_that_name_is_no_loss(tmp_path: Path):
    module = named_loss(5)
    torch.save(module.state_dict(), tmp_path / "b.pth")
    settings = SETTINGS.model_copy(update={"model": f"{__name__}:named_loss"})
    assert torch.equal(load(settings, tmp_path / "b.pth").module.loss.weight, module.loss.weight)


AUTHORS = Settings(forward_batch=2, input_size=64)


@pytest.fixture(scope="module")
def authors() -> nn.Module:
    """The authors' architecture with five classes, its weights drawn and its running statistics no longer new."""
    torch.manual_seed(2)
    module = timm.create_model("tf_efficientnetv2_b0", num_classes=5).train()
    with torch.no_grad():
        module(torch.randn(4, 3, 64, 64))
    return module.eval()


def authors_checkpoint(module: nn.Module) -> dict:
    """What Lightning saves of such a module during a training."""
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3)
    state = OrderedDict((f"model.{name}", value) for name, value in module.state_dict().items())
    return {
        "epoch": 12,
        "global_step": 4711,
        "pytorch-lightning_version": "2.0.1",
        "state_dict": state,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 13, "completed": 12}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val/loss'}": {"best_model_score": torch.tensor(0.1), "path": "x"}},
        "optimizer_states": [optimiser.state_dict()],
        "lr_schedulers": [{"last_epoch": 12, "_last_lr": [1e-3]}],
        "hparams_name": "kwargs",
        "hyper_parameters": {"model_name": "tf_efficientnetv2_b0", "task": "multiclass", "num_classes": 5},
    }


def test_a_checkpoint_of_the_authors_form_gives_the_probabilities_of_the_plain_model(tmp_path: Path, authors):
    torch.save(authors_checkpoint(authors), tmp_path / "ff_attribution.ckpt")
    detector = load(AUTHORS, tmp_path / "ff_attribution.ckpt")
    assert AUTHORS.model == "tf_efficientnetv2_b0" and detector.classes == FIVE
    # ImageNet's, as the paper says
    assert detector.preprocessing == Preprocessing(64, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = authors(images)
        assert torch.equal(detector.module(images), wanted)
    # the detector's own forward rounds otherwise: batch norms are folded
    torch.testing.assert_close(detector.probabilities(images), wanted.softmax(dim=1), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda state: state.pop("model.blocks.0.0.bn1.weight"), "lacks the tensor blocks.0.0.bn1.weight; give a"),
        (lambda state: state.update({"model.extra": torch.ones(1)}), "has the tensor extra, which the model doesn't"),
        (lambda state: state.update({"model.classifier.weight": torch.ones(2, 1280)}), "is a head of 2 classes, not 5"),
    ],
)
def test_a_checkpoint_of_the_authors_form_that_does_not_fit_is_refused(tmp_path: Path, authors, spoil, text: str):
    content = authors_checkpoint(authors)
    spoil(content["state_dict"])
    torch.save(content, tmp_path / "ff_attribution.ckpt")
    with pytest.raises(InputError, match=r"ff_attribution\.ckpt: ") as caught:
        load(AUTHORS, tmp_path / "ff_attribution.ckpt")
    assert text in str(caught.value) and "; give a" in str(caught.value)


def test_damaged_and_absent_files_are_named(tmp_path: Path):
    torch.save(lightning(drawn()), tmp_path / "l.ckpt")
    whole = (tmp_path / "l.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.ckpt").write_text("no checkpoint at all")
    (tmp_path / "empty.ckpt").write_bytes(b"")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    for name in ("cut.ckpt", "text.ckpt", "empty.ckpt", "cut.safetensors"):
        with pytest.raises(InputError, match=f"{name} can't be read as a weights file"):
            load(SETTINGS, tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        load(SETTINGS, tmp_path / "nowhere.ckpt")


def test_what_a_file_says_of_its_detector(tmp_path: Path):
    path, bare = tmp_path / "own.safetensors", tmp_path / "bare.safetensors"
    save(path, drawn(2), model=MODEL, preprocessing=PLAIN, classes=Classes(("Real", "Fake")))
    about = said(path)
    assert (about["model"], about["input_size"], about["classes"]) == (MODEL, 32, ["Real", "Fake"])
    assert about["mean"] == about["std"] == list(HALF)
    save_file(drawn().state_dict(), bare)
    assert said(bare) == said(tmp_path / "weights.ckpt") == {}
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="own.safetensors can't be read as a weights file"):
        said(path)


def test_a_changed_weight_in_our_own_file_is_noticed(tmp_path: Path):
    path = tmp_path / "d.safetensors"
    save(path, drawn(), model=MODEL, preprocessing=PLAIN)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"d\.safetensors: its weights aren't those that were written"):
        load(SETTINGS, path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_cuda_detector_without_cuda_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="detector.device"):
        load(SETTINGS, tmp_path / "l.ckpt", device="cuda")


@pytest.mark.parametrize(
    "name, value, said",
    [
        (3, torch.zeros(2), "the entry 3 has no name"),
        ("0.weight", [1.0], "0.weight isn't a tensor"),
        ("0.weight", torch.zeros(4, 3, 3, 3).to_sparse(), "0.weight is a tensor of a kind that no detector has"),
        ("0.weight", torch.zeros(4, 3, 3, 3, device="meta"), "0.weight is a tensor of a kind that no detector has"),
        ("0.weight", torch.zeros(4, 3, 3, 3, dtype=torch.complex64), "0.weight is a tensor of a kind that no detector"),
    ],
)
def test_entries_that_are_no_plain_tensors(tmp_path: Path, name: object, value: object, said: str):
    path = tmp_path / "odd.ckpt"
    torch.save({**drawn().state_dict(), name: value}, path)
    with pytest.raises(InputError, match=rf"odd\.ckpt: {said}.*; give a Lightning checkpoint"):
        load(SETTINGS, path)
    with pytest.raises(InputError, match=r"odd\.ckpt: holds no dictionary of tensors"):
        load_initial(drawn(), path)


@pytest.mark.parametrize("text", ["[]", "3", "{", "[" * 100_000])
def test_metadata_of_another_kind(tmp_path: Path, text: str):
    path = tmp_path / "odd.safetensors"
    save_file(drawn().state_dict(), path, metadata={"advxai": text})
    with pytest.raises(InputError, match=r"odd\.safetensors can't be read as a weights file \(.+\): get or save it"):
        load(SETTINGS, path)


@pytest.mark.parametrize("error", [IndexError("odd"), AttributeError("odd"), AssertionError("odd"), TypeError("odd")])
def test_whatever_torch_raises_for_a_file_is_one_line(tmp_path: Path, monkeypatch, error: Exception):
    def failing(*asked, **settings):
        raise error

    torch.save({}, tmp_path / "a.ckpt")
    monkeypatch.setattr(torch, "load", failing)
    with pytest.raises(InputError, match=r"a\.ckpt can't be read as a weights file \(.*odd\): get or save it anew$"):
        load(SETTINGS, tmp_path / "a.ckpt")
