"""Backends and what they are measured with: the same answers, or a clear refusal."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.kernels import Kernels
from advxai.config.science import Detector as Settings
from advxai.detector import backends, folding, throughput, trials, tune
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.trials import Trial

ROOT = Path(__file__).parents[2]
THREE = Classes(("Real", "A", "B"))
UNIT = Preprocessing(32, (0.5,) * 3, (0.5,) * 3)
IMAGES = torch.rand((5, 3, 32, 32), generator=torch.Generator().manual_seed(1)) * 2 - 1


class Net(nn.Module):
    """Convolution, norm, convolution with two readers, norm."""

    def __init__(self, shared: bool = False) -> None:
        super().__init__()
        self.shared = shared
        self.first, self.norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.second, self.other = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8, affine=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.second(torch.relu(self.norm(self.first(x))))
        return self.head((self.other(x) + x if self.shared else self.other(x)).mean(dim=(2, 3)))


def net(shared: bool = False) -> Net:
    torch.manual_seed(2)
    module = Net(shared)
    for norm in (module.norm, module.other):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        module.norm.weight.uniform_(0.5, 2)
        module.norm.bias.uniform_(-1, 1)
    return module.eval()


def norms(module: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())


# -- folding ----------------------------------------------------------------------------------------------------------


def test_a_folded_norm_by_hand():
    """y = 3 (2 x + 1 - 0.5) / sqrt(4) + 0.25 = 3 x + 1: weight 3, bias 1."""
    module = nn.Sequential(nn.Conv2d(3, 1, 1), nn.BatchNorm2d(1, eps=0.0)).eval()
    convolution, norm = module
    with torch.no_grad():
        convolution.weight.fill_(2)
        convolution.bias.fill_(1)
        norm.weight.fill_(3)
        norm.bias.fill_(0.25)
    norm.running_mean.fill_(0.5)
    norm.running_var.fill_(4)
    folded = folding.fold(module, 4)
    assert norms(folded) == 0 and norms(module) == 1
    assert folded[0].weight.flatten().tolist() == [3.0] * 3 and folded[0].bias.item() == 1.0
    assert module[0].weight.flatten().tolist() == [2.0] * 3  # the module itself stays


def test_folding_changes_nothing_but_rounding():
    module = net()
    folded = folding.fold(module, 32)
    assert norms(folded) == 0
    with torch.inference_mode():
        torch.testing.assert_close(folded(IMAGES), module(IMAGES), atol=1e-6, rtol=1e-5)


def test_a_convolution_with_a_second_reader_is_not_folded():
    module = net(shared=True)
    assert folding.fold(module, 32) is module


def test_a_timm_norm_keeps_its_activation():
    import timm

    torch.manual_seed(0)
    module = timm.create_model("mobilenetv3_small_050", num_classes=5).eval()
    folded = folding.fold(module, 32)
    assert norms(folded) == 0 < norms(module)
    with torch.inference_mode():
        torch.testing.assert_close(folded(IMAGES), module(IMAGES), atol=1e-6, rtol=1e-4)


def test_a_module_without_norms_is_taken_as_it_is():
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    assert folding.fold(module, 32) is module


# -- backends ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["torch", "openvino", "onnxruntime"])
def test_every_backend_gives_the_module_s_probabilities(name):
    module = net()
    with torch.inference_mode():
        wanted = module(IMAGES).softmax(dim=1)
    detector = Detector(module, UNIT, classes=("Real", "A", "B"), forward_batch=2, backend=name)
    torch.testing.assert_close(detector.probabilities(IMAGES), wanted, atol=1e-6, rtol=0)
    assert (detector.images, detector.calls) == (5, 3)
    assert norms(detector.module) == 2  # what is saved is the module as it was given
    placed = detector.place(IMAGES[0])
    made = torch.lerp(placed[None], placed[None], torch.ones(2, 1, 1, 1))  # as explainers make their images
    assert torch.equal(placed, IMAGES[0]) and detector.takes(made)
    assert detector.takes(detector.empty_batch()) and not detector.takes(detector.empty_batch()[:1])
    assert not detector.takes(detector.empty_batch().transpose(2, 3))


def test_only_torch_computes_elsewhere_than_on_the_cpu():
    from advxai.config import load

    corpus = {"kind": "ffpp", "root": "x", "splits": "y"}
    with pytest.raises(InputError, match="backend openvino computes on a CPU; set backend: torch, or device: cpu"):
        load({"run": "a", "corpus": corpus, "detector": {"device": "cuda", "backend": "openvino"}})


def test_a_backend_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="onnxruntime isn't installed here"):
        Detector(net(), UNIT, classes=("Real", "A", "B"), backend="onnxruntime")


def test_a_model_that_has_no_graph_is_refused():
    class Strange(nn.Module):
        def forward(self, x):
            return torch.linalg.eigvals(x[:, 0]).real[:, :3]

    with pytest.raises(InputError, match="openvino can't take this model"):
        Detector(Strange(), UNIT, classes=("Real", "A", "B"), backend="openvino", forward_batch=2)


def test_a_backend_with_other_answers_is_refused(monkeypatch):
    class Wrong(backends.OnnxRuntime):
        def __call__(self, batch):
            return super().__call__(batch) * 1.1

    monkeypatch.setattr(backends, "OnnxRuntime", Wrong)
    with pytest.raises(InputError, match="onnxruntime gives probabilities .* away from torch's; set it to torch"):
        Detector(net(), UNIT, classes=("Real", "A", "B"), backend="onnxruntime", forward_batch=2)


@pytest.mark.parametrize(("name", "value"), [("ONEDNN_DEFAULT_FPMATH_MODE", "BF16"), ("NVIDIA_TF32_OVERRIDE", "1")])
def test_a_lowered_precision_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{name}={value}: NES needs the whole precision of float32; unset"):
        Detector(net(), UNIT, classes=("Real", "A", "B"))
    monkeypatch.setenv(name, "STRICT" if value == "BF16" else "0")
    Detector(net(), UNIT, classes=("Real", "A", "B"))


def test_openvino_doesn_t_report_home(tmp_path):
    code = (
        "import torch, sys; from tests.unit.test_detector_backends import *;"
        "Detector(net(), UNIT, classes=('Real', 'A', 'B'), backend='openvino', forward_batch=2);"
        "assert 'openvino' in sys.modules and sys.modules['openvino_telemetry'] is None"
    )
    environment = os.environ | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert not (tmp_path / "intel").exists()


# -- measuring --------------------------------------------------------------------------------------------------------


def found(backend: str, batch: int, rate: float, alone: bool = True, **more) -> throughput.Rate:
    return throughput.Rate(backend, batch, rate, 1e-8, alone, **more)


def test_the_smallest_batch_within_three_percent_is_advised():
    rates = [found("torch", 8, 50.0), found("openvino", 8, 97.5), found("openvino", 32, 100.0)]
    assert throughput.best(rates) == rates[1]
    assert throughput.best([*rates, found("openvino", 64, 101.0)]).forward_batch == 32


def test_a_batch_in_which_rows_depend_on_neighbours_is_not_advised():
    rates = [found("torch", 8, 50.0), found("openvino", 8, 90.0, alone=False)]
    assert throughput.best(rates).backend == "torch"
    text = tune.table(rates)
    assert text[2] == "| 8 | 50 | 90 (!) |" and "not to be used" in text[-1]


def test_every_backend_and_batch_is_measured():
    measured = list(throughput.compare(net(), UNIT, "cpu", ["torch", "openvino"], [2, 4], 0.01, THREE))
    assert [(one.backend, one.forward_batch) for one in measured] == [
        ("torch", 2), ("torch", 4), ("openvino", 2), ("openvino", 4),
    ]  # fmt: skip
    assert all(one.rate > 0 and one.apart < 1e-6 and one.alone for one in measured)


def test_memory_for_small_batches_only(monkeypatch):
    def rate(detector, seconds):
        if detector.forward_batch > 4:
            raise MemoryError
        return 1.0

    monkeypatch.setattr(throughput, "rate", rate)
    measured = list(throughput.compare(net(), UNIT, "cpu", ["torch"], [2, 4, 8, 16], 0.01, THREE))
    assert [one.forward_batch for one in measured] == [2, 4]


TINY = (
    "run: a\ncorpus: {kind: ffpp, root: x, splits: y}\n"
    "detector: {model: 'tests.custom:tiny_detector', input_size: 48, mean: [.5, .5, .5], std: [.5, .5, .5]}\n"
)


def test_tune_measures_says_what_is_missing_and_names_the_lines_to_set(tmp_path, monkeypatch):
    """Another process of the same network gives the same answers; there is no compiler."""
    (tmp_path / "c.yaml").write_text(TINY)
    monkeypatch.setenv("CXX", "no-such-compiler")
    text = tune.tune(tmp_path / "c.yaml", [2, 4], 0.01)
    # the other two can't take this network, whose pooling has no ONNX form
    assert "| forward_batch | torch |" in text and text.count("can't take this model") == 2
    assert "\nA second process gives the same answers, bit by bit.\n" in text
    assert "\ninductor isn't measured: a C++ compiler that works (g++, or what CXX names) isn't here.\n" in text
    assert re.search(r"\ndetector:\n  forward_batch: [24]$", text)  # torch is the default
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device is usable here"):
        tune.tune(tmp_path / "c.yaml", [2], 0.01, "cuda")
    with pytest.raises(InputError, match="missing.yaml: can't be read as YAML"):
        tune.tune(tmp_path / "missing.yaml", [2], 0.01)


def test_what_another_process_gives_otherwise_is_shown_and_not_advised():
    rates = [found("torch", 64, 100.0, answers="a"), found("torch", 64, 130.0, layout="contiguous", answers="b")]
    timed = found("torch", 64, 150.0, layout="contiguous", cudnn_benchmark=True, answers="c")
    again = [rates[0], replace(rates[1], rate=0.0), replace(timed, answers="d", rate=0.0)]
    seen = tune._beside([*rates, timed], again)
    assert [one.again for one in seen] == [True, True, False]
    assert throughput.best(seen) == seen[1]
    text = tune.table(seen)
    assert text[0] == "| forward_batch | torch | torch (contiguous) | torch (contiguous, cudnn_benchmark) |"
    assert text[2] == "| 64 | 100 | 130 | 150 (?) |"
    assert "A second process gives the same answers, bit by bit, but for (?)." in text
    assert text[-1].startswith("(?) A second process gives other last bits there")
    assert tune._advice(seen[1], Settings(device="cuda"))[-2:] == ["detector:", "  layout: contiguous"]


def test_cudnn_s_benchmark_is_advised_only_where_another_process_was_asked():
    plain, timed = found("torch", 8, 100.0), found("torch", 8, 150.0, cudnn_benchmark=True)
    assert throughput.best([plain, timed]) == plain
    same = replace(timed, again=True)
    assert throughput.best([plain, same]) == same
    assert tune._advice(same, Settings(device="cuda", forward_batch=8))[-3:] == [
        "detector:", "  cudnn_benchmark: true", "  forward_batch: 8",
    ]  # fmt: skip


def test_defaults_are_not_advised_where_they_are_set_and_are_where_they_aren_t():
    top = found("torch", 64, 100.0)
    assert tune._advice(top, Settings())[-1].endswith("are the defaults, which are set: nothing to do.")
    assert tune._advice(top, Settings(backend="openvino"))[-2:] == ["detector:", "  backend: torch"]
    assert "None of these can be used" in tune._advice(throughput.best([replace(top, alone=False)]), Settings())[0]


def test_on_a_gpu_layouts_are_tried_and_cudnn_s_benchmark_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(tune, "installed", lambda device: ["torch", "inductor"])
    plain, timed = tune._trials(Settings(device="cuda", precision="tf32"), (64, 512), module=True)
    kernels = [Kernels("tf32", "channels_last"), Kernels("tf32", "contiguous")]
    assert plain == [Trial(name, one, (64, 512)) for name in ("torch", "inductor") for one in kernels]
    assert timed == [replace(one, kernels=replace(one.kernels, cudnn_benchmark=True)) for one in plain]
    assert tune._trials(Settings(), (8,), module=True)[1] == []
    measured = [found("torch", 64, 1.0, precision="tf32")]  # 512 didn't fit into the memory
    assert tune._of(measured, plain) == [replace(plain[0], batches=(64,))]


def test_another_process_that_fails_is_said(capfd):
    settings = Settings(model="tests.custom:no_such", input_size=48, mean=(0.5,) * 3, std=(0.5,) * 3)
    seen = trials.elsewhere(settings, [Trial("torch", Kernels(), (2,))], 0)
    assert not seen.rates and "A second process has failed (" in seen.refused[0] and "no_such" in seen.refused[0]
    shown = capfd.readouterr().err
    assert "\nA second process of tune said at its end:\n" in shown and "has no attribute 'no_such'" in shown


def printing(*trials: Trial) -> tuple[Settings, list[Trial]]:
    return Settings(model="tests.printing:detector", input_size=48, mean=(0.5,) * 3, std=(0.5,) * 3), [*trials]


def test_a_network_that_prints_doesn_t_disturb_another_process_s_results():
    settings, tried = printing(Trial("torch", Kernels(), (2, 4)))
    seen = trials.elsewhere(settings, tried, 0)
    assert [one.forward_batch for one in seen.rates] == [2, 4] and not seen.refused


def test_another_process_ends_with_this_one_s_part_in_it(monkeypatch):
    began = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        trials.subprocess, "Popen", lambda *given, **more: began.append(popen(*given, **more)) or began[0]
    )

    def stopped() -> None:
        raise KeyboardInterrupt

    settings, tried = printing(Trial("torch", Kernels(), tuple(range(2, 200))))
    with pytest.raises(KeyboardInterrupt):
        trials.elsewhere(settings, tried, 1.0, stopped)
    assert began[0].returncode == -9


def test_what_another_process_hasn_t_given_is_shown_and_not_advised():
    rates = [found("torch", 64, 100.0, answers="a"), found("torch", 128, 200.0, answers="b")]
    seen = tune._beside(rates, [rates[0]])
    assert [one.again for one in seen] == [True, None] and throughput.best(seen) == seen[0]
    text = tune.table(seen)
    assert text[2:4] == ["| 64 | 100 |", "| 128 | 200 (-) |"]
    assert "A second process gives the same answers, bit by bit, but for (-)." in text
    assert text[-1] == "(-) A second process has given no answers there, so it isn't advised."
    none = throughput.best(tune._beside(rates, []))
    assert none.forward_batch == 128 and "(-)" not in "".join(tune.table(rates))
    said = "Whether another process gives the same bits hasn't been seen: run this again."
    assert tune._advice(none, Settings())[0] == said and said not in tune._advice(seen[0], Settings())
