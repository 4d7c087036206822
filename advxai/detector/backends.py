"""What computes a forward: torch, OpenVINO or ONNX Runtime, each with full batches of one size, in float32."""

import importlib
import importlib.util
import os
import sys
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.kernels import BACKENDS
from advxai.detector.folding import fold
from advxai.detector.gpus import claim
from advxai.detector.graph import Graph, export, of_transformers
from advxai.detector.logits import answers, per_class, random_images
from advxai.dialects.onnxfile import without_torch

CLOSE = 1e-4  # of a probability: rounding gives 1e-8 to 1e-5
# Settings from outside by which libraries compute float32 with fewer bits, of which no digest would tell. At sigma =
# 0.001 TF32 turns 3 % of NES's signs, bfloat16 25 % (benchmarks/precision.py).
LOWERED = {
    "ONEDNN_DEFAULT_FPMATH_MODE": ("", "STRICT"),
    "DNNL_DEFAULT_FPMATH_MODE": ("", "STRICT"),
    "NVIDIA_TF32_OVERRIDE": ("", "0"),
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": ("", "0"),
}


def require_float32() -> None:
    """Make torch compute float32 in full.

    Raises:
        InputError: an environment variable asks for less.
    """
    for name, harmless in LOWERED.items():
        value = os.environ.get(name, "")
        if value.upper() not in harmless:
            raise InputError(f"{name}={value}: NES needs the whole precision of float32; unset this variable")
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
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

    layout = torch.contiguous_format
    packages: tuple[str, ...] = ("torch",)

    @abstractmethod
    def __call__(self, batch: Tensor) -> Tensor:
        """Outputs (forward_batch, n) for normalised images (forward_batch, 3, size, size) float32 in `layout`."""


class Torch(Backend):
    """The module itself, channels last, batch norms folded."""

    layout = torch.channels_last

    def __init__(self, module: nn.Module, size: int, device: torch.device) -> None:
        if of_transformers(module):
            self.packages = (*self.packages, "transformers")
        self.module = fold(module, size).to(device).to(memory_format=torch.channels_last)

    def __call__(self, batch: Tensor) -> Tensor:
        answers: Tensor = self.module(batch)
        return answers


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


def installed() -> list[str]:
    """The names of the backends that can be used here."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def build(
    name: str, network: nn.Module | Graph, shape: tuple[int, ...], device: torch.device, classes: Classes, named: str
) -> tuple[Backend, Graph | None]:
    """A network compiled for batches of one shape; it uses as many threads as torch does.

    Args:
        name: of BACKENDS.
        network: a module in evaluation mode, on the CPU, which stays as it is; or a graph, for all but torch.
        shape: (forward batch, 3, size, size).
        device: where to compute; not the CPU for torch only.
        classes: the detector's.
        named: the detector, in a message.

    Returns:
        The backend, and the graph that it computes, whose answers have been compared with the module's; None of torch.

    Raises:
        InputError: the module returns no logits, or NaN or infinity; the backend isn't installed, can't compute this
            module, or computes something else; or the environment lowers the precision.
    """
    require_float32()
    if isinstance(network, nn.Module):
        wanted = answers(network, shape[-1], classes, named)
        if name == "torch":
            return Torch(network, shape[-1], device), None
    elif name == "torch":
        raise InputError(without_torch(named))
    else:
        wanted = torch.tensor(network.answers)
    by = network.by if isinstance(network, Graph) else "torch"
    other = by if by != name else "torch"
    kind = {"openvino": OpenVino, "onnxruntime": OnnxRuntime}[name]
    try:
        graph = export(network, shape[-1], wanted) if isinstance(network, nn.Module) else network
        backend = kind(graph.onnx, shape, torch.get_num_threads())
    except InputError:
        raise
    except Exception as error:  # the exporter's own, torch's, the backend's: any means that this module isn't for it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"detector.backend: {name} can't take this model ({reason}); set it to {other}") from error
    rows = min(len(wanted), shape[0])
    images = random_images(*shape)  # all different: a row's answer mustn't depend on its neighbours
    images[:rows] = random_images(len(wanted), *shape[1:])[:rows]
    with torch.inference_mode():
        got = per_class(backend(images), classes)[:rows].softmax(dim=1)
    apart = float((wanted[:rows] - got).abs().max())
    if not apart <= CLOSE:
        raise InputError(
            f"detector.backend: {name} gives probabilities {apart:.1e} away from {by}'s; set it to {other}"
        )
    return backend, graph


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"detector.backend: {name} isn't installed here; install it, or set torch") from error
