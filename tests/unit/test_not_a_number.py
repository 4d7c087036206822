"""NaN and infinity are never an answer: argmax would make the first class of it, "Real"."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from advxai import adversary, saliency
from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.science import Detector as Settings
from advxai.config.science import Nes
from advxai.config.training import Training
from advxai.detector import train as training
from advxai.detector.build import load_initial, preprocessing
from advxai.detector.checkpoint import load, save
from advxai.detector.classify import classify
from advxai.detector.engine import run
from advxai.detector.logits import ANOTHER
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.throughput import compare
from advxai.evaluation.attacks import run as run_attacks
from advxai.saliency.fillings import filled
from tests.helpers import SIZE, UNIT, LinearModule, explainer_settings, quadrants

HALF = (0.5, 0.5, 0.5)
NAN, INF = float("nan"), float("inf")
SPOILT = "answers with NaN or infinity instead of probabilities; " + ANOTHER
BACKENDS = ["torch", "openvino", "onnxruntime"]


def net(num_classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=4), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 64, num_classes)
    )  # fmt: skip


SETTINGS = Settings(model=f"{__name__}:net", input_size=32, mean=HALF, std=HALF, forward_batch=4)


# -- weights ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e300])
@pytest.mark.parametrize("tensor", ["0.weight", "1.running_var", "3.bias"])
def test_a_file_with_a_tensor_that_is_not_finite_is_refused(tmp_path: Path, tensor: str, value: float):
    """1e300 is a number in the file's float64, and infinite in the module."""
    state = {f"model.{name}": value.clone() for name, value in net(5).state_dict().items()}
    spoilt = state[f"model.{tensor}"].double()
    spoilt.view(-1)[-1] = value
    torch.save({"state_dict": state | {f"model.{tensor}": spoilt}}, tmp_path / "l.ckpt")
    with pytest.raises(InputError, match=rf"l\.ckpt: the tensor {tensor} holds NaN or infinity, .*; get the file anew"):
        load(SETTINGS, tmp_path / "l.ckpt")


def test_a_tensor_that_is_not_used_may_hold_what_it_likes(tmp_path: Path):
    state = net(5).state_dict() | {"loss.weight": torch.tensor([NAN])}
    torch.save(state, tmp_path / "b.pth")
    assert load(SETTINGS, tmp_path / "b.pth").classes


def test_nothing_that_is_not_finite_is_written(tmp_path: Path):
    module = net(5)
    module[1].running_mean[2] = INF
    with pytest.raises(InputError, match=r"d\.safetensors: isn't written, for the tensor 1\.running_mean holds NaN"):
        save(tmp_path / "d.safetensors", module, model="m", preprocessing=UNIT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_initial_weights_that_are_not_finite_are_refused(tmp_path: Path, suffix: str):
    module = net(5)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    state["0.weight"][1, 2, 0, 0] = NAN
    file = tmp_path / f"i{suffix}"
    (torch.save if suffix == ".pth" else save_file)(state, file)
    with pytest.raises(InputError, match=rf"i\{suffix}: the tensor 0\.weight holds NaN or infinity; get the file anew"):
        load_initial(module, file)
    assert module[0].weight.isfinite().all()


def test_initial_weights_of_other_names_are_named_as_the_file_has_them(tmp_path: Path):
    state = {f"other_{name}": value.clone() for name, value in net(5).state_dict().items()}
    state["other_0.bias"][0] = INF
    torch.save(state, tmp_path / "i.pth")
    with pytest.raises(InputError, match=r"i\.pth: the tensor other_0\.bias holds NaN or infinity"):
        load_initial(net(5), tmp_path / "i.pth")


# -- mean and std -----------------------------------------------------------------------------------------------------
UNUSABLE = [(NAN, 0.5, 0.5), (0.5, INF, 0.5), (0.5, 0.5, 1e300), (0.5, 0.5)]


@pytest.mark.parametrize("values", UNUSABLE)
@pytest.mark.parametrize("name", ["mean", "std"])
def test_a_model_s_own_mean_and_std_must_be_numbers(name: str, values: tuple):
    module = nn.Identity()
    module.pretrained_cfg = {"mean": HALF, "std": HALF, name: values}
    with pytest.raises(InputError, match=r"detector.mean, detector.std: .* aren't three finite numbers .*; set both"):
        preprocessing(Settings(model="a:b"), module)


@pytest.mark.parametrize("zero", [0.0, -0.5, 1e-60])
def test_a_std_is_above_zero_in_float32_too(zero: float):
    module = nn.Identity()
    module.pretrained_cfg = {"mean": (0.0, 0.0, 0.0), "std": (0.5, zero, 0.5)}
    with pytest.raises(InputError, match="with std > 0; set both"):
        preprocessing(Settings(model="a:b"), module)


@pytest.mark.parametrize("values", [*UNUSABLE, (0.5, "0.5", 0.5)])
@pytest.mark.parametrize("name", ["mean", "std"])
@pytest.mark.parametrize("configured", [True, False])
def test_a_file_s_mean_and_std_must_be_numbers(tmp_path: Path, name: str, values: tuple, configured: bool):
    file = tmp_path / "d.safetensors"
    save(file, net(5), model=SETTINGS.model, preprocessing=Preprocessing(32, HALF, HALF))
    with safe_open(file, "pt") as opened:
        meta = json.loads(opened.metadata()["advxai"])
    save_file(load_file(file), file, metadata={"advxai": json.dumps(meta | {name: values})})
    settings = SETTINGS if configured else SETTINGS.model_copy(update={"mean": None, "std": None})
    with pytest.raises(InputError, match=rf"d\.safetensors: its {name} \[.*\] isn't three finite numbers"):
        load(settings, file)


# -- answers ----------------------------------------------------------------------------------------------------------
class NoAnswer(LinearModule):
    """Reads segment 6; gives NaN for an image whose mean is above a half."""

    def __init__(self, logit: float = NAN) -> None:
        weight = torch.from_numpy(quadrants() == 6).float() / 64
        super().__init__(weight.expand(3, SIZE, SIZE).contiguous(), bias=0.5)
        self.logit = logit

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + (torch.where(x.mean(dim=(1, 2, 3)) > 0.5, self.logit, 0.0))[:, None]


def detector(source: Path | None = None, logit: float = NAN) -> Detector:
    return Detector(
        NoAnswer(logit), UNIT, classes=("Real", "Fake"), forward_batch=8, source=source
    )  # fmt: skip


def items(*levels: int) -> list[dict]:
    return [{"key": f"v/{number}.png", "sha256": "", "level": level} for number, level in enumerate(levels)]


def grey(item) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), item["level"], np.uint8)


ATTACK = Nes(samples=3, iterations=2)
ROWS = explainer_settings(method="rise", baseline="zeros", masks=12, cells=4)
STAGES = {
    "predictions": lambda some, model: list(classify(some, grey, model)),
    "adversary": lambda some, model: list(adversary.run(some, grey, model, ATTACK, 0, 4)),
    "saliency": lambda some, model: list(saliency.run(some, grey, model, ROWS, 0, 4)),
    "attacks": lambda some, model: list(
        run_attacks(
            [item | {"mask": "m", "pixels": np.ones((SIZE, SIZE), bool)} for item in some], grey, model, ATTACK, 0, 4
        )
    ),
}


@pytest.mark.parametrize("logit", [NAN, INF])
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_names_the_image_whose_answer_is_no_number(stage, logit):
    """Fifth of six, in batches of eight; before, NES called such an attack a success."""
    six = items(140, 130, 150, 140, 250, 140)
    file = Path("detector.safetensors")
    with pytest.raises(InputError) as caught:
        STAGES[stage](six, detector(file, logit))
    assert str(caught.value) == f"v/4.png: detector.safetensors {SPOILT}"
    with pytest.raises(InputError, match=r"^v/0.png: the detector answers"):
        STAGES[stage](items(250), detector())
    assert len(STAGES[stage](items(140, 150), detector())) == 2


def test_an_image_under_its_fillings_is_named():
    bright = torch.full((3, SIZE, SIZE), 0.9)
    with pytest.raises(InputError, match="^v/7.png: the detector answers"):
        filled("v/7.png", bright, quadrants(), [1], [], detector(), 0, None)


def test_probabilities_without_names():
    with pytest.raises(InputError, match="^the detector answers with NaN or infinity"):
        detector().probabilities(torch.full((3, 3, SIZE, SIZE), 0.9))
    with pytest.raises(InputError, match="^c: the detector answers"):
        detector().probabilities(
            torch.stack([torch.full((3, SIZE, SIZE), x) for x in (0.1, 0.2, 0.9)]), ["a", "b", "c"]
        )


def test_raw_forwards_are_not_looked_at():
    """Measurements of the throughput go through it: a look would make the device wait."""
    model = detector()
    batch = torch.full(model.shape, 0.9)
    assert model.forward(batch, 3).isnan().all()


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_request_that_holds_nan_is_the_asker_s_fault(backend: str, value: float):
    """OpenVINO makes zero of it, so the answer is finite."""

    def asks(value: float):
        asked = torch.full((2, 3, SIZE, SIZE), 0.1)
        asked[1, 2, 3, 4] = value
        return (yield asked)

    module = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 2))
    model = Detector(module, UNIT, classes=("Real", "Fake"), forward_batch=8, backend=backend)
    with pytest.raises(InputError) as caught:
        list(run([(("a.png", "x"), asks(0.1)), (("b.png", "y"), asks(value))], model, 2, "explainer m:C"))
    said = "explainer m:C: a request for the image b.png holds NaN or infinity; correct what makes it"
    assert str(caught.value) == said


def test_a_request_of_huge_numbers_is_answered():
    """Their sum is infinite, they aren't."""

    def asks():
        return (yield torch.full((8, 3, SIZE, SIZE), 1e38))

    module = nn.Sequential(nn.Tanh(), nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 2))
    model = Detector(module, UNIT, classes=("Real", "Fake"), forward_batch=8)
    ((_, answer, _),) = run([("a", asks())], model, 1)
    assert answer.shape == (8, 2)


# -- at the start -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_detector_without_answers_is_not_blamed_on_the_backend(backend: str):
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 2))
    module[1].weight.data[1, 5] = NAN
    with pytest.raises(InputError) as caught:
        Detector(module, UNIT, classes=("Real", "Fake"), forward_batch=2, backend=backend, source=Path("d.ckpt"))
    assert str(caught.value) == f"d.ckpt answers random images with NaN or infinity; {ANOTHER}"


class Returns(nn.Module):
    def __init__(self, make) -> None:
        super().__init__()
        self.make = make

    def forward(self, x: Tensor) -> Tensor:
        return self.make(x.mean(dim=(2, 3)))  # (n, 3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda x: x[:, :2], "float32 of shape (2, 2)"),
        (lambda x: x[:, :, None], "float32 of shape (2, 3, 1)"),
        (lambda x: x[:, 0], "float32 of shape (2,)"),
        (lambda x: (x, x), "a tuple"),
        (lambda x: {"logits": x}, "a dict"),
        (lambda x: x.round().long(), "int64 of shape (2, 3)"),
    ],
)
def test_what_is_no_logits_is_refused_at_the_start(make, found: str, backend: str):
    with pytest.raises(InputError) as caught:
        Detector(Returns(make), UNIT, classes=("Real", "A", "B"), forward_batch=4, backend=backend)
    assert str(caught.value) == (
        f"detector.model: returns {found} for 2 images of 3x32x32; it must return their logits, a float tensor of "
        "shape (2, 3)"
    )
    with pytest.raises(InputError, match="^detector.model: returns"):
        list(compare(Returns(make), UNIT, "cpu", [backend], [2], 0.01, Classes(("Real", "A", "B"))))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_module_for_images_of_another_size_is_refused_at_the_start(backend: str):
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2))
    with pytest.raises(
        InputError, match=r"^detector\.model: fails on images of 3x32x32 \(.*\); correct it or detector"
    ):
        Detector(module, UNIT, classes=("Real", "Fake"), forward_batch=2, backend=backend)


def test_a_forward_batch_of_one():
    module = Returns(lambda x: x)
    assert Detector(module, UNIT, classes=("Real", "A", "B"), forward_batch=1).probabilities(
        torch.zeros(2, 3, SIZE, SIZE)
    ).shape == (2, 3)  # fmt: skip


# -- training ---------------------------------------------------------------------------------------------------------
def test_a_training_whose_last_step_blows_up_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The loss of the step before is a number, and without validation rows nothing is asked of the weights."""

    def epoch(self, rows, seed, number, bar):
        self.module[3].weight.data[0, 0] = NAN
        return 1.0

    monkeypatch.setattr(training.Trainer, "epoch", epoch)
    rows = pd.DataFrame({"key": list("abcde"), "label": range(5)})
    frames = SimpleNamespace(image=lambda key: np.zeros((SIZE, SIZE, 3), np.uint8))
    settings = SETTINGS.model_copy(update={"training": Training(epochs=1, threads=1)})
    with pytest.raises(
        InputError, match=r"detector\.safetensors: isn't written, for the tensor 3\.weight holds NaN .*low"
    ):
        training.train(settings, frames, rows, rows[:0], seed=0, out_dir=tmp_path)
    assert not (tmp_path / "detector.safetensors").exists()


def returns_a_tuple(num_classes: int) -> nn.Module:
    return Returns(lambda x: (x, x))


def test_a_training_of_what_gives_no_logits_is_refused_at_once(tmp_path: Path):
    rows = pd.DataFrame({"key": list("abcde"), "label": range(5)})
    settings = SETTINGS.model_copy(update={"model": f"{__name__}:returns_a_tuple"})
    with pytest.raises(InputError, match="detector.model: returns a tuple for 2 images of 3x32x32"):
        training.train(settings, None, rows, rows[:0], seed=0, out_dir=tmp_path)
