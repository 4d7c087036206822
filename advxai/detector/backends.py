"""What computes a forward: torch, OpenVINO or ONNX Runtime, each with full batches of one size, in float32."""

import importlib
import importlib.util
import io
import os
import sys
import warnings
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from advxai.config.science import BACKENDS
from advxai.detector.folding import fold
from advxai.detector.gpus import claim
from advxai.errors import InputError

ANOTHER = "give the checkpoint of another detector, or train one anew"  # whose answers are numbers
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
        """Logits (forward_batch, classes) of normalised images (forward_batch, 3, size, size) float32 in `layout`."""


class Torch(Backend):
    """The module itself, channels last, batch norms folded."""

    layout = torch.channels_last

    def __init__(self, module: nn.Module, size: int, device: torch.device) -> None:
        self.module = fold(module, size).to(device=device, memory_format=torch.channels_last)

    def __call__(self, batch: Tensor) -> Tensor:
        return self.module(batch)


class OpenVino(Backend):
    """OpenVINO on the CPU, compiled for one batch size."""

    packages = ("torch", "openvino")

    def __init__(self, module: nn.Module, shape: tuple[int, ...], threads: int) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the CPU has it
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # else two jobs share the first core
        }
        # not by OpenVINO's own converter of torch modules, which takes four times as long
        graph = core.read_model(_onnx(module, shape))
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

    def __init__(self, module: nn.Module, shape: tuple[int, ...], threads: int) -> None:
        onnxruntime = _imported("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_free_dimension_override_by_name("n", shape[0])
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # jobs share the cores
        self.session = onnxruntime.InferenceSession(_onnx(module, shape), options, providers=["CPUExecutionProvider"])

    def __call__(self, batch: Tensor) -> Tensor:
        return torch.from_numpy(self.session.run(None, {"images": batch.numpy()})[0])


def import_openvino() -> Any:
    """The package, kept from reporting each import to its maker; it has a stub for when it can't."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return _imported("openvino")


def installed() -> list[str]:
    """The names of the backends that can be used here."""
    return [name for name in BACKENDS if importlib.util.find_spec(name) is not None]


def random_images(*shape: int) -> Tensor:
    """Images to try a network with, (n, 3, size, size) float32 in [-1, 1), the same ones every time."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def logits(module: nn.Module, images: Tensor, classes: int) -> Tensor:
    """What a module answers, seen to be logits: (n, 3, size, size) -> (n, classes).

    Args:
        module: in evaluation mode.
        images: normalised float32, where the module is.
        classes: how many there must be.

    Raises:
        InputError: it fails on such images, or returns anything but a float tensor of that shape.
    """
    size = "x".join(map(str, images.shape[1:]))
    try:
        with torch.no_grad():
            found = module(images)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a module of the user's own raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"detector.model: fails on images of {size} ({reason}); correct it or detector.input_size"
        ) from error
    if not isinstance(found, Tensor):
        what = f"a {type(found).__name__}"
    elif found.shape != (len(images), classes) or not found.is_floating_point():
        what = f"{str(found.dtype).removeprefix('torch.')} of shape {tuple(found.shape)}"
    else:
        return found
    raise InputError(
        f"detector.model: returns {what} for {len(images)} images of {size}; it must return their logits, a float "
        f"tensor of shape {(len(images), classes)}"
    )


def build(
    name: str, module: nn.Module, shape: tuple[int, ...], device: torch.device, classes: int, named: str
) -> Backend:
    """A network compiled for batches of one shape; it uses as many threads as torch does.

    Args:
        name: of BACKENDS.
        module: in evaluation mode, on the CPU; stays as it is.
        shape: (forward batch, 3, size, size).
        device: where to compute; not the CPU for torch only.
        classes: logits of an image.
        named: the detector, in a message.

    Raises:
        InputError: the module returns no logits, or NaN or infinity; the backend isn't installed, can't compute this
            module, or computes something else; or the environment lowers the precision.
    """
    require_float32()
    # two rows only: a module's answer doesn't depend on its neighbours
    rows = min(2, shape[0])
    images = random_images(*(shape if name != "torch" else (rows, *shape[1:])))
    wanted = logits(module, images[:rows], classes).softmax(dim=1)
    if not bool(wanted.isfinite().all()):
        raise InputError(f"{named} answers random images with NaN or infinity; {ANOTHER}")
    if name == "torch":
        return Torch(module, shape[-1], device)
    kind = {"openvino": OpenVino, "onnxruntime": OnnxRuntime}[name]
    try:
        backend = kind(module, shape, torch.get_num_threads())
    except InputError:
        raise
    except Exception as error:  # the exporter's own, torch's, the backend's: any means that this module isn't for it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"detector.backend: {name} can't take this model ({reason}); set it to torch") from error
    with torch.inference_mode():
        got = backend(images)[:rows].softmax(dim=1)
    apart = float((wanted - got).abs().max())
    if not apart <= CLOSE:
        raise InputError(f"detector.backend: {name} gives probabilities {apart:.1e} away from torch's; set it to torch")
    return backend


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"detector.backend: {name} isn't installed here; install it, or set torch") from error


def _onnx(module: nn.Module, shape: tuple[int, ...]) -> bytes:
    """The module as an ONNX graph for any batch size: tracing it with a whole batch would take a gigabyte more."""
    file = io.BytesIO()
    image = torch.zeros((2, *shape[1:]))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the traced exporter, six times as fast as the one that replaces it
        torch.onnx.export(
            module, (image,), file, dynamo=False, input_names=["images"], dynamic_axes={"images": {0: "n"}}
        )
    return file.getvalue()
