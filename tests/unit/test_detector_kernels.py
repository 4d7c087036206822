"""By which kernels torch computes the module: within its forward and its way back alone."""

from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.kernels import PLAIN, Kernels
from advxai.config.science import Detector as Settings
from advxai.detector import backends, checkpoint, inductor, kernels
from advxai.detector.gradients import Network
from advxai.detector.kernels import Cudnn
from advxai.detector.model import Detector, Preprocessing
from tests.unit.test_detector_backends import IMAGES, UNIT, net

THREE = ("Real", "A", "B")
MESO = Classes.named(("Real", "Fake"), output="sigmoid", positive="Real")
CPU, GPU = torch.device("cpu"), torch.device("cuda")
CUDNN = torch.backends.cudnn


def state() -> tuple[bool, bool]:
    return CUDNN.allow_tf32, CUDNN.benchmark


@pytest.fixture(autouse=True)
def in_float32():
    backends.require_float32()
    yield
    assert state() == (False, False)  # whatever a test has done


class Seen(torch.autograd.Function):
    """Identity that notes cuDNN's settings, forth and back."""

    @staticmethod
    def forward(ctx, x, notes, fails):
        ctx.notes, ctx.fails = notes, fails
        notes.append(("forth", *state()))
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        ctx.notes.append(("back", *state()))
        if ctx.fails:
            raise RuntimeError("broken off")
        return gradient, None, None


class Noting(nn.Module):
    """A network with such an identity in its midst; copies share the notes."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.net, self.noted, self.fails = net(), (lambda notes: lambda: notes)([]), fails

    def forward(self, x):
        return self.net(Seen.apply(x, self.noted(), self.fails))


def network(module: nn.Module, chosen: Kernels) -> Network:
    """On the CPU, with cuDNN's settings as on a GPU."""
    made = Network(module, Classes(THREE), CPU, 2, lambda rows: None, kernels=Kernels(layout=chosen.layout))
    made._cudnn = Cudnn(chosen, GPU)
    return made


# -- cuDNN's settings -------------------------------------------------------------------------------------------------


def test_settings_hold_in_the_with_and_not_after_an_error():
    with Cudnn(Kernels("tf32"), GPU).set():
        assert state() == (True, False)
    with pytest.raises(KeyError), Cudnn(Kernels(cudnn_benchmark=True), GPU).set():
        assert state() == (False, True)
        raise KeyError
    for chosen, device in ((Kernels("tf32", "channels_last", True), CPU), (Kernels(layout="contiguous"), GPU)):
        with Cudnn(chosen, device).set():  # nothing to set
            assert state() == (False, False)


def test_matrix_products_stay_in_float32():
    with Cudnn(Kernels("tf32"), GPU).set():
        assert torch.get_float32_matmul_precision() == "highest" and not torch.backends.cuda.matmul.allow_tf32


def test_forward_and_way_back_have_the_kernels_and_what_is_around_them_has_not():
    module = Noting()
    made = network(module, Kernels("tf32", cudnn_benchmark=True))
    around: list[tuple] = []
    images = IMAGES[:3].clone().requires_grad_()  # two forwards
    given = Seen.apply(images, around, False)
    score = made.score(given, torch.tensor([0, 1, 2])).sum()
    assert state() == (False, False)
    score.backward()
    assert module.noted() == [("forth", True, True)] * 2 + [("back", True, True)] * 2
    assert around[0] == ("forth", False, False)
    assert state() == (False, False)
    plain = network(net(), PLAIN)
    wanted = IMAGES[:3].clone().requires_grad_()
    plain.score(wanted, torch.tensor([0, 1, 2])).sum().backward()
    assert torch.equal(images.grad, wanted.grad) and made.backwards == 3


def test_gradients_of_a_layer_s_output_alone_have_the_kernels_too():
    """As class activation maps ask for them: the way back doesn't come to the images."""
    module = Noting()
    made = network(module, Kernels("tf32"))
    kept: list[torch.Tensor] = []
    hook = made.layers.net.first.register_forward_hook(lambda layer, given, output: kept.append(output))
    images = IMAGES[:2].clone().requires_grad_()
    seen: list[tuple] = []
    score = made.score(images, torch.tensor([0, 1])).sum()
    hook.remove()
    kept[0].register_hook(lambda gradient: seen.append(state()))
    torch.autograd.grad(score, kept[0])
    assert seen == [(True, False)] and state() == (False, False)


def test_a_way_back_that_is_broken_off_leaves_nothing_behind():
    module = Noting(fails=True)
    made = network(module, Kernels("tf32"))
    with pytest.raises(RuntimeError, match="broken off"), made.unhooked("who"):
        made.score(IMAGES[:1].clone().requires_grad_(), torch.tensor([0])).sum().backward()
    assert module.noted()[-1] == ("back", True, False) and state() == (False, False)


def test_tf32_that_the_environment_forbids_or_the_gpu_has_not_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    said = (
        r"detector.precision: Tesla T4 has no TF32 \(compute capability 7.5, from 8.0 on there is\); set it to float32"
    )
    with pytest.raises(InputError, match=said):
        kernels.require_kernels(Kernels("tf32"), GPU)
    kernels.require_kernels(PLAIN, GPU)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    kernels.require_kernels(Kernels("tf32"), GPU)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    with pytest.raises(InputError, match="NVIDIA_TF32_OVERRIDE=0 forbids what detector.precision: tf32 asks"):
        kernels.require_kernels(Kernels("tf32"), GPU)
    kernels.require_kernels(PLAIN, GPU)


# -- layouts ----------------------------------------------------------------------------------------------------------


def test_the_layout_is_that_of_module_and_batches():
    wanted = Detector(net(), UNIT, classes=THREE, forward_batch=2).probabilities(IMAGES)
    made = Detector(net(), UNIT, classes=THREE, forward_batch=2, kernels=Kernels(layout="contiguous"))
    assert made.empty_batch().is_contiguous() and made.takes(torch.zeros(2, 3, 32, 32))
    assert not made.takes(torch.zeros(2, 3, 32, 32).to(memory_format=torch.channels_last))
    assert made.place(IMAGES[0].contiguous(memory_format=torch.contiguous_format)).is_contiguous()
    torch.testing.assert_close(made.probabilities(IMAGES), wanted, atol=1e-6, rtol=0)
    weights = made.network().layers.first.weight
    assert weights.is_contiguous() and not weights.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("layout", "strides"), [("contiguous", (1024, 32, 1)), ("channels_last", (1, 96, 3))])
def test_whatever_layout_an_image_has_it_is_placed_in_the_detector_s(layout, strides):
    """torch's `to(memory_format=contiguous)` leaves channels last as it is; mixing both takes `lerp` twenty times as
    long."""
    made = Detector(net(), UNIT, classes=THREE, forward_batch=2, kernels=Kernels(layout=layout))
    colours = torch.rand(32, 32, 3)
    for image in (colours.permute(2, 0, 1), colours.permute(2, 0, 1).contiguous()):
        assert made.place(image).stride() == strides and torch.equal(made.place(image), image)


def test_a_file_on_another_device_than_the_configuration_s(tmp_path):
    """The GPU's kernels stay behind; the layout and the compiler don't hang on it."""
    settings = Settings(
        model="meso4", device="cuda", precision="tf32", cudnn_benchmark=True, layout="contiguous", forward_batch=2
    )
    module = checkpoint.any_weights(settings, MESO)
    process = Preprocessing(256, (0.0,) * 3, (1.0,) * 3)
    path = tmp_path / "detector.safetensors"
    classes = MESO
    checkpoint.save(path, module, model="meso4", preprocessing=process, classes=classes)
    opened = checkpoint.load(settings, path, device="cpu")
    assert opened.kernels == Kernels(layout="contiguous") and opened.device == CPU


# -- the compiler -----------------------------------------------------------------------------------------------------


def test_the_compiled_module_gives_the_module_s_probabilities_in_one_compilation():
    """Batches made in and out of inference mode, and parts of larger ones, are one input to it."""
    from torch._dynamo.utils import counters

    with torch.inference_mode():
        wanted = net()(IMAGES).softmax(dim=1)
    made = Detector(net(), UNIT, classes=THREE, forward_batch=2, backend="inductor")
    before = counters["stats"]["unique_graphs"]
    torch.testing.assert_close(made.probabilities(IMAGES), wanted, atol=1e-6, rtol=0)
    many = IMAGES.contiguous(memory_format=torch.channels_last)
    alone = made.forward(many[2:4], 2)
    with torch.inference_mode():
        batch = made.empty_batch()
        batch.copy_(many[2:4])
        assert torch.equal(made.forward(batch, 2), alone)
    assert counters["stats"]["unique_graphs"] == before
    assert made.graph is None and made.backend.packages == ("torch",)


class Torn(nn.Module):
    """Asks Python about a value, so it can't be compiled as a whole."""

    def forward(self, x):
        return x.mean(dim=(2, 3)) * (2 if x.sum().item() > 0 else 3)


def test_a_module_that_can_t_be_compiled_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"detector.backend: inductor can't take this model \(.+\); set it to torch$"):
        Detector(Torn(), UNIT, classes=THREE, forward_batch=2, backend="inductor")


class Counting(nn.Module):
    """Changes what it is in each forward, unless its step is 0."""

    def __init__(self, step: int = 1) -> None:
        super().__init__()
        self.net, self.n, self.step = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3)), 0, step

    def forward(self, x):
        self.n += self.step
        return self.net(x) + self.n


def test_a_module_that_changes_itself_is_refused():
    with pytest.raises(InputError, match=r"\(its forward changes itself, so .+\); set it to torch$"):
        Detector(Counting(), UNIT, classes=THREE, forward_batch=2, backend="inductor")


def test_one_row_s_strides_are_one_input_and_a_later_compilation_that_fails_is_told(monkeypatch):
    module = Counting(step=0)
    made = Detector(module, UNIT, classes=THREE, forward_batch=1, backend="inductor")
    room = torch.empty((3, 3, 32, 32), memory_format=torch.channels_last).copy_(IMAGES[:3])
    for row in (room[1:2], made.place(IMAGES[1])[None], room.as_strided((1, 3, 32, 32), (7, 1, 96, 3), 3072)):
        assert made.takes(row)
        torch.testing.assert_close(made.forward(row, 1), module(IMAGES[1:2]).softmax(dim=1).detach())
    assert made.backend.compiled.times == 1
    monkeypatch.setattr(inductor, "OFTEN", 1)
    made.backend.module.n = 5
    with pytest.raises(InputError, match="its forward changes itself"):
        made.forward(made.empty_batch(), 1)


@pytest.mark.parametrize("name", ["TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE", "TORCHDYNAMO_SUPPRESS_ERRORS"])
def test_variables_by_which_nothing_is_compiled_are_refused(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    said = f"^{name}=1 interferes with detector.backend: inductor; unset this variable$"
    with pytest.raises(InputError, match=said):
        Detector(net(), UNIT, classes=THREE, forward_batch=2, backend="inductor")
    Detector(net(), UNIT, classes=THREE, forward_batch=2)


def test_where_nothing_is_compiled_that_is_seen(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda forward, **more: forward)
    with pytest.raises(InputError, match="torch has compiled nothing for inductor here; set it to torch$"):
        Detector(net(), UNIT, classes=THREE, forward_batch=2, backend="inductor")


@pytest.mark.parametrize("lacks", ["compiler", "cache"])
def test_a_machine_that_can_t_compile_is_told(tmp_path, monkeypatch, lacks):
    from torch._inductor import config

    torch.compiler.reset()
    patched: AbstractContextManager[object] = nullcontext()
    if lacks == "compiler":
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
        # torch's own, for monkeypatch would leave the setting deleted
        patched = config.patch({"cpp.cxx": (None, "no-such-compiler")})
        said = (
            r"inductor needs a C\+\+ compiler that works \(g\+\+, or what CXX names\); install one, or set it to torch$"
        )
    else:
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/dev/null/cache")
        said = (
            r"inductor can't write what it compiles \(/dev/null.*: Not a directory\); mend that, name a folder with "
            "room in TORCHINDUCTOR_CACHE_DIR, or set it to torch$"
        )
    with patched, pytest.raises(InputError, match=said):
        Detector(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 3), nn.SiLU()), UNIT, classes=THREE,
                 forward_batch=3, backend="inductor")  # fmt: skip


def test_what_a_failed_compilation_is_told_as(monkeypatch):
    monkeypatch.setattr(inductor, "needed", lambda device: True)

    def told(error: Exception, device: str = "cpu") -> str:
        return str(inductor.refusal(error, device))

    class CppCompileError(RuntimeError):
        pass

    def failed(said: str) -> RuntimeError:
        wrapped = RuntimeError("the compiler's own")
        wrapped.inner_exception = CppCompileError(f"C++ compile error\n\nOutput:\n{said}\n")
        return wrapped

    assert "can't write what it compiles (No space left on device)" in told(failed("as: No space left on device"))
    assert "(g++, or what CXX names) (it says: error: Python.h: not found); install" in told(
        failed("a.cpp:1:2: fatal error: Python.h: not found")
    )
    assert "needs triton with a C compiler" in told(RuntimeError("Failed to find C compiler. Please"), "cuda")
    assert told(ValueError("Expected a\nnumber")).endswith("take this model (Expected a); set it to torch")
    assert told(ValueError("Explanation:\n x")).endswith("take this model (Explanation); set it to torch")
    assert told(ValueError()).endswith("take this model (ValueError); set it to torch")
    monkeypatch.setattr(inductor, "needed", lambda device: False)  # a path that can't be executed, say
    assert "needs a C++ compiler" in told(PermissionError(13, "Permission denied", "/etc/passwd"))


def test_want_of_memory_is_not_the_module_s_fault(monkeypatch):
    def wrapped(self, batch):
        try:
            raise torch.OutOfMemoryError("none is left")
        except torch.OutOfMemoryError as error:
            raise RuntimeError("the compiler's own") from error

    monkeypatch.setattr(backends.Inductor, "first", wrapped)
    with pytest.raises(torch.OutOfMemoryError, match="none is left"):
        Detector(net(), UNIT, classes=THREE, forward_batch=2, backend="inductor")


def test_what_the_compiler_needs(monkeypatch):
    here: set[str] = {"g++", "gcc"}
    monkeypatch.setattr(inductor, "_works", lambda command: command.split()[0] in here)
    for name in ("CXX", "CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(inductor.importlib.util, "find_spec", lambda name: None)
    assert (inductor.needed("cpu"), inductor.needed("cuda")) == (True, False)
    monkeypatch.setattr(inductor.importlib.util, "find_spec", lambda name: name)
    assert inductor.needed("cuda") and backends.installed("cuda") == ["torch", "inductor"]
    monkeypatch.setenv("CXX", "clang++ -O2")
    assert not inductor.needed("cpu") and backends.installed() == ["torch", "openvino", "onnxruntime"]
    here.add("clang++")
    assert inductor.needed("cpu")
    monkeypatch.delenv("CXX")
    here.remove("g++")  # torch doesn't look for another one
    assert not inductor.needed("cpu")


def test_a_compiler_that_doesn_t_say_its_version_doesn_t_work(tmp_path):
    good = tmp_path / "good"
    good.write_text("#!/bin/sh\nexit 0\n")
    good.chmod(0o755)
    assert inductor._works(str(good)) and inductor._works(f"{good} -O2")
    assert not any(map(inductor._works, ("false", "/nope", "", "'", str(tmp_path))))


def test_a_graph_of_others_is_not_compiled(tmp_path):
    from advxai.detector.graph import Graph

    with pytest.raises(InputError, match="is an ONNX file, which is computed on a CPU by onnxruntime or openvino"):
        Detector(Graph(b"", ((0.5, 0.5),), {}, "onnxruntime"), UNIT, classes=("Real", "A"), backend="inductor")


# -- what is said of them ----------------------------------------------------------------------------------------------


def test_report_and_explanations_say_by_which_kernels():
    from advxai.config import load
    from advxai.explain.document import settings_of
    from advxai.report.page.sections import run

    chosen = {"device": "cuda", "precision": "tf32", "layout": "contiguous", "cudnn_benchmark": True}
    corpus = {"kind": "ffpp", "root": "x", "splits": "y"}
    config = load({"run": "a", "corpus": corpus, "detector": chosen})
    said = dict(run(config))["Detector"]
    assert said == "tf_efficientnetv2_b0, 224 px, torch on cuda (contiguous, tf32, cudnn_benchmark)"
    plain = load({"run": "a", "corpus": corpus})
    assert dict(run(plain))["Detector"] == "tf_efficientnetv2_b0, 224 px, torch on cpu"
    running = {"backend": "torch", "forward_batch": 4, "threads": 1}
    assert settings_of(config, (), 6, False, 4)["detector"] == chosen | running
