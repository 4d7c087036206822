"""What computes a forward: torch, its compiler, OpenVINO or ONNX Runtime, each with full batches of one size."""

import importlib
import importlib.util
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.kernels import BACKENDS, OF_TORCH, PLAIN, Kernels
from advxai.detector.folding import fold
from advxai.detector.gpus import claim
from advxai.detector.graph import Graph, export, of_transformers
from advxai.detector.inductor import Compiled, memory, needed, reason, refusal
from advxai.detector.kernels import FORMATS, Cudnn, require_kernels
from advxai.detector.logits import answers, per_class, random_images
from advxai.dialects.onnxfile import without_torch

CLOSE = 1e-4  # of a probability: rounding gives 1e-8 to 1e-5
ROUNDED = {"float32": CLOSE, "tf32": 1e-2}  # TF32 keeps 10 bits of what it multiplies
# Settings from outside by which libraries compute float32 with fewer bits, of which no digest would tell. At sigma =
# 0.001 TF32 turns 3 % of NES's signs, bfloat16 25 % (benchmarks/precision.py).
LOWERED = {
    "ONEDNN_DEFAULT_FPMATH_MODE": ("", "STRICT"),
    "DNNL_DEFAULT_FPMATH_MODE": ("", "STRICT"),
    "NVIDIA_TF32_OVERRIDE": ("", "0"),
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": ("", "0"),
}


def require_float32() -> None:
    """Make torch compute float32 in full, but for what `Cudnn` says otherwise of a detector's module.

    Raises:
        InputError: an environment variable asks for less.
    """
    for name, harmless in LOWERED.items():
        value = os.environ.get(name, "")
        if value.upper() not in harmless:
            raise InputError(f"{name}={value}: NES needs the whole precision of float32; unset this variable")
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def require_device(device: str, remedy: str = "set it to cpu") -> None:
    """Refuse a CUDA device that isn't there; of several, take one for this process.

    Raises:
        InputError: `device` is cuda and none is usable; it ends with the remedy.
    """
    if device != "cuda":
        return
    claim()
    if not torch.cuda.is_available():
        raise InputError(f"detector.device: no CUDA device is usable here; {remedy}")


class Backend(ABC):
    """A compiled network.

    Attributes:
        layout: memory format of the batches that it takes without a copy.
        packages: distributions whose versions may change the last bits.
    """

    layout: torch.memory_format = torch.contiguous_format
    packages: tuple[str, ...] = ("torch",)

    @abstractmethod
    def __call__(self, batch: Tensor) -> Tensor:
        """Outputs (forward_batch, n) for normalised images (forward_batch, 3, size, size) float32 in `layout`."""

    def first(self, images: Tensor) -> Tensor:
        """The same for the first images of all; for a compiler, also seen to be lasting."""
        return self(images)


class Torch(Backend):
    """The module itself, batch norms folded, in the layout and by the kernels that are asked for."""

    def __init__(self, module: nn.Module, size: int, device: torch.device, kernels: Kernels = PLAIN) -> None:
        if of_transformers(module):
            self.packages = (*self.packages, "transformers")
        self.layout, self.cudnn = FORMATS[kernels.layout], Cudnn(kernels, device)
        self.module = fold(module, size).to(device).to(memory_format=self.layout)
        self.compute: Callable[[Tensor], Tensor] = self.module

    def __call__(self, batch: Tensor) -> Tensor:
        with self.cudnn.set():
            return self.compute(batch)


class Inductor(Torch):
    """The same module compiled by torch.compile, in the first call."""

    def __init__(self, module: nn.Module, size: int, device: torch.device, kernels: Kernels = PLAIN) -> None:
        super().__init__(module, size, device, kernels)
        if device.type == "cuda":
            self.packages = (*self.packages, "triton")
        self.compiled = Compiled(self.module, device)
        self.compute = self.compiled

    def first(self, images: Tensor) -> Tensor:
        with self.cudnn.set():
            return self.compiled.settle(images, -images)


class OpenVino(Backend):
    """OpenVINO on the CPU, compiled for one batch size."""

    packages = ("torch", "openvino")

    def __init__(self, onnx: bytes, shape: tuple[int, ...], threads: int) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the CPU has it
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # else two jobs share the first core
        }
        graph = core.read_model(onnx)
        graph.reshape(shape)
        compiled = core.compile_model(graph, "CPU", options)
        self.tensor, self.request = openvino.Tensor, compiled.create_infer_request()

    def __call__(self, batch: Tensor) -> Tensor:
        self.request.set_input_tensor(self.tensor(batch.numpy(), shared_memory=True))
        self.request.infer()
        return torch.from_numpy(self.request.get_output_tensor().data.copy())


class OnnxRuntime(Backend):
    """ONNX Runtime on the CPU."""

    packages = ("torch", "onnxruntime")

    def __init__(self, onnx: bytes, shape: tuple[int, ...], threads: int) -> None:
        onnxruntime = _imported("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_free_dimension_override_by_name("n", shape[0])
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # jobs share the cores
        self.session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])

    def __call__(self, batch: Tensor) -> Tensor:
        return torch.from_numpy(self.session.run(None, {"images": batch.numpy()})[0])


def import_openvino() -> Any:
    """The package, kept from reporting each import to its maker; it has a stub for when it can't."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return _imported("openvino")


def installed(device: str = "cpu") -> list[str]:
    """The names of the backends that can be used here on a device, "cpu" or "cuda"."""
    others = [name for name in BACKENDS if name not in OF_TORCH and importlib.util.find_spec(name) is not None]
    return ["torch", *(["inductor"] if needed(device) else []), *(others if device == "cpu" else [])]


def build(
    name: str,
    network: nn.Module | Graph,
    shape: tuple[int, ...],
    device: torch.device,
    classes: Classes,
    named: str,
    kernels: Kernels = PLAIN,
) -> tuple[Backend, Graph | None]:
    """A network compiled for batches of one shape; it uses as many threads as torch does.

    Args:
        name: of BACKENDS.
        network: a module in evaluation mode, on the CPU, which stays as it is; or a graph, for OpenVINO and ONNX
            Runtime.
        shape: (forward batch, 3, size, size).
        device: where to compute; not the CPU for torch and inductor only.
        classes: the detector's.
        named: the detector, in a message.
        kernels: by which torch computes; the other backends have their own.

    Returns:
        The backend, and the graph that it computes; None of torch and inductor. Answers have been compared with the
        module's, but for torch.

    Raises:
        InputError: the module returns no logits, or NaN or infinity; the backend isn't installed, can't compute this
            module, or computes something else; the environment lowers the precision, or forbids the one that is asked
            for, or the GPU hasn't it.
    """
    require_float32()
    require_kernels(kernels, device)
    if isinstance(network, nn.Module):
        wanted = answers(network, shape[-1], classes, named)
        if name == "torch":
            return Torch(network, shape[-1], device, kernels), None
    elif name in OF_TORCH:
        raise InputError(without_torch(named))
    else:
        wanted = torch.tensor(network.answers)
    by = network.by if isinstance(network, Graph) else "torch"
    other = by if by != name else "torch"
    rows = min(len(wanted), shape[0])
    images = random_images(*shape)  # all different: a row's answer mustn't depend on its neighbours
    images[:rows] = random_images(len(wanted), *shape[1:])[:rows]
    try:
        backend, graph = _made(name, network, shape, device, kernels, wanted)
        outputs = _outputs(backend, images.to(device))
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # the exporter's own, torch's, the backend's: any means that this module isn't for it
        if name == "inductor":
            raise memory(error) or refusal(error, device.type) from error
        said = InputError(f"detector.backend: {name} can't take this model ({reason(error)}); set it to {other}")
        raise memory(error) or said from error
    got = per_class(outputs, classes)[:rows].softmax(dim=1).cpu()
    apart = float((wanted[:rows] - got).abs().max())
    if not apart <= ROUNDED[kernels.precision]:
        raise InputError(
            f"detector.backend: {name} gives probabilities {apart:.1e} away from {by}'s; set it to {other}"
        )
    return backend, graph


def _made(
    name: str,
    network: nn.Module | Graph,
    shape: tuple[int, ...],
    device: torch.device,
    kernels: Kernels,
    wanted: Tensor,
) -> tuple[Backend, Graph | None]:
    if name == "inductor" and isinstance(network, nn.Module):
        return Inductor(network, shape[-1], device, kernels), None
    kind = {"openvino": OpenVino, "onnxruntime": OnnxRuntime}[name]
    graph = export(network, shape[-1], wanted) if isinstance(network, nn.Module) else network
    return kind(graph.onnx, shape, torch.get_num_threads()), graph


@torch.inference_mode()
def _outputs(backend: Backend, images: Tensor) -> Tensor:
    """A first forward."""
    return backend.first(images.contiguous(memory_format=backend.layout))


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"detector.backend: {name} isn't installed here; install it, or set torch") from error
