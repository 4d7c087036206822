"""A detector's forward in other number formats, for benchmarks: the product has none but those of its backends."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from advxai.detector.backends import Backend

MULTIPLYING: tuple[type[nn.Module], ...] = (nn.Conv2d, nn.Linear)


class Own(Backend):
    """A copy of a module in a number format that torch computes in, on the device where the module is.

    Args:
        module: in evaluation mode; its norms are folded or not, as it comes.
        dtype: of weights and batches.
        layout: memory format of both.
    """

    def __init__(self, module: nn.Module, dtype: torch.dtype, layout: torch.memory_format) -> None:
        self.module = copy.deepcopy(module).to(dtype=dtype, memory_format=layout)
        self.dtype, self.layout = dtype, layout

    def __call__(self, batch: Tensor) -> Tensor:
        answers: Tensor = self.module(batch.to(self.dtype))
        return answers


class Rounded(Own):
    """In float32, but some layers round their weights and what they are given.

    Products and sums stay as they are, as in matrix units.

    Args:
        module: as of `Own`.
        rounding: of values, float32 -> float32.
        everywhere: all layers do, and round what they give too.
        layers: else those of these classes.
    """

    def __init__(
        self,
        module: nn.Module,
        rounding: Callable[[Tensor], Tensor],
        everywhere: bool = False,
        layers: tuple[type[nn.Module], ...] = MULTIPLYING,
    ) -> None:
        super().__init__(module, torch.float32, torch.channels_last)
        for layer in self.module.modules():
            if any(layer.children()) or not (everywhere or isinstance(layer, layers)):
                continue
            for tensor in [*layer.parameters(), *layer.buffers()] if everywhere else [layer.weight]:
                if isinstance(tensor, Tensor) and tensor.is_floating_point():
                    tensor.data = rounding(tensor.data)
            layer.register_forward_pre_hook(lambda layer, given: tuple(map(rounding, given)))
            if everywhere:
                layer.register_forward_hook(lambda layer, given, made: rounding(made))


def tf32(values: Tensor) -> Tensor:
    """Float32 rounded to the 10 bits of TF32's mantissa, to nearest, ties to even."""
    bits = values.view(torch.int32)
    rounded = bits >> 13
    rounded &= 1
    rounded += 0xFFF
    rounded += bits
    rounded &= ~0x1FFF
    return rounded.view(torch.float32)


def half(values: Tensor) -> Tensor:
    """Float32 rounded to float16."""
    return values.half().float()
