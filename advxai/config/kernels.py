"""How the detector's module is computed where torch computes it: in which precision, memory layout and by which
kernels."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

Device = Literal["cpu", "cuda"]
Backend = Literal["torch", "inductor", "openvino", "onnxruntime"]
Precision = Literal["float32", "tf32"]
Layout = Literal["contiguous", "channels_last"]
BACKENDS: tuple[str, ...] = get_args(Backend)
OF_TORCH = ("torch", "inductor")  # backends that compute the module itself, on any device
# What decides by what a detector's numbers are computed, whichever network it is.
COMPUTED = ("device", "backend", "precision", "layout", "cudnn_benchmark", "forward_batch", "threads")


@dataclass(frozen=True)
class Kernels:
    """What decides by which kernels torch computes the module, besides the device; white boxes' gradients too.

    Attributes:
        precision: float32, or tf32: convolutions round what they multiply to TF32, as they do in torch by default
            (10 bits of mantissa; products are added in float32). Matrix products stay in float32, as by default too.
        layout: memory format of the module and of its batches.
        cudnn_benchmark: cuDNN times its kernels for each convolution and takes the fastest, perhaps another one in
            another process.
    """

    precision: Precision = "float32"
    layout: Layout = "channels_last"
    cudnn_benchmark: bool = False

    @property
    def words(self) -> str:
        """What isn't as usual, for people: "contiguous, tf32"; empty: nothing."""
        found = [name for name, plain in ((self.layout, "channels_last"), (self.precision, "float32")) if name != plain]
        return ", ".join([*found, *(["cudnn_benchmark"] if self.cudnn_benchmark else [])])

    @property
    def params(self) -> dict[str, Any]:
        """For digests: what isn't as it was before these could be chosen."""
        return {name: value for name, value in vars(self).items() if value != getattr(PLAIN, name)}


PLAIN = Kernels()


def fault(backend: str, device: str, precision: str, layout: str, cudnn_benchmark: bool) -> str | None:
    """What can't go together of a detector's settings, with the remedy; None: nothing."""
    if backend not in OF_TORCH and device != "cpu":
        return f"backend {backend} computes on a CPU; set backend: torch, or device: cpu"
    if precision != "float32" and device != "cuda":
        return f"precision {precision} is of NVIDIA's GPUs; set precision: float32, or device: cuda"
    if cudnn_benchmark and device != "cuda":
        return "cudnn_benchmark is for a GPU; take it out, or set device: cuda"
    if layout != "channels_last" and backend not in OF_TORCH:
        return f"layout is for the backends torch and inductor ({backend} has its own); take it out"
    return None
