"""By which kernels torch computes the detector's module, and nothing else: memory layout, TF32, cuDNN's benchmark."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from advxai.common.errors import InputError
from advxai.config.kernels import Kernels

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
AMPERE = (8, 0)  # the compute capability from which on GPUs have TF32
OVERRIDE = "NVIDIA_TF32_OVERRIDE"


def require_kernels(kernels: Kernels, device: torch.device) -> None:
    """Refuse TF32 that the GPU hasn't, or that the environment forbids behind the program's back.

    Raises:
        InputError: names the GPU, or the variable.
    """
    if kernels.precision == "float32":
        return
    if os.environ.get(OVERRIDE) == "0":
        raise InputError(
            f"{OVERRIDE}=0 forbids what detector.precision: tf32 asks for; unset this variable, or set precision to "
            "float32"
        )
    if torch.cuda.get_device_capability(device) < AMPERE:
        found = ".".join(map(str, torch.cuda.get_device_capability(device)))
        raise InputError(
            f"detector.precision: {torch.cuda.get_device_name(device)} has no TF32 (compute capability {found}, from "
            "8.0 on there is); set it to float32"
        )


class Cudnn:
    """cuDNN's settings while the module is computed. Outside of that they are those of `require_float32`, so that no
    other convolution, such as a blur's, is rounded.

    torch keeps them for the whole process, so also for the thread in which it computes gradients on a GPU. They are set
    by torch's older names, which all releases have: newer ones refuse to mix these with the newer names.

    Args:
        kernels: the detector's.
        device: where it is computed.

    Attributes:
        differ: these settings aren't those of everything else.
    """

    def __init__(self, kernels: Kernels, device: torch.device) -> None:
        self.tf32, self.benchmark = kernels.precision == "tf32", kernels.cudnn_benchmark
        self.differ = device.type == "cuda" and (self.tf32 or self.benchmark)
        self._back = False

    @contextmanager
    def set(self) -> Iterator[None]:
        """For what is computed in the `with`."""
        if not self.differ:
            yield
            return
        self._on()
        try:
            yield
        finally:
            self._off()

    def set_for_backward(self) -> None:
        """For what torch computes after now on the way back that it is on, to be called by a hook of a tensor."""
        if self.differ and not self._back:
            self._back = True
            self._on()
            torch.autograd.Variable._execution_engine.queue_callback(self.reset)

    def reset(self) -> None:
        """After a way back; one that has been broken off by an error doesn't say that it is over."""
        if self._back:
            self._back = False
            self._off()

    def _on(self) -> None:
        torch.backends.cudnn.allow_tf32 = self.tf32
        torch.backends.cudnn.benchmark = self.benchmark

    def _off(self) -> None:
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
