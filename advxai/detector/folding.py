"""Batch normalisation folded into the convolution before it: the same function, fewer passes over the activations."""

import copy
from collections import Counter

import torch
from torch import Tensor, nn

CLOSE = 1e-4  # of the largest logit: more isn't rounding, so a pair wasn't the chain that it looked like


def fold(module: nn.Module, size: int) -> nn.Module:
    """A copy of a module in evaluation mode with its batch norms folded, where that changes nothing beyond rounding.

    Pairs are found by running the module: a batch norm whose input is the very output of a convolution. Should the
    copy's answers differ (a convolution with a second reader), or should there be no pair, the module itself is
    returned.

    Args:
        module: maps (n, 3, size, size) float32 to logits; on the CPU.
        size: side of its input.
    """
    if not any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules()):
        return module
    image = torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(0)) * 2 - 1
    folded = copy.deepcopy(module)
    with torch.no_grad():
        for convolution, norm in _pairs(folded, image):
            _merge(convolution, norm)
            _replace(folded, norm, _rest(norm))
        wanted, got = module(image), folded(image)
    return folded if bool((wanted - got).abs().max() <= CLOSE * wanted.abs().max()) else module


def _rest(norm: nn.BatchNorm2d) -> nn.Module | None:
    """What a norm does besides normalising (timm's has the activation); None: that isn't known."""
    if type(norm) is nn.BatchNorm2d:
        return nn.Identity()
    drop, act = getattr(norm, "drop", None), getattr(norm, "act", None)
    if type(norm).__module__.startswith("timm.") and isinstance(drop, nn.Module) and isinstance(act, nn.Module):
        return nn.Sequential(drop, act)
    return None


def _pairs(module: nn.Module, image: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions and the batch norms that read them, of layers that run once."""
    runs: list[tuple[nn.Module, Tensor, Tensor]] = []  # holds the tensors, so that no two share an address
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output: runs.append((layer, inputs[0], output)))
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)
    ]
    module(image)
    for hook in hooks:
        hook.remove()
    times = Counter(id(layer) for layer, _, _ in runs)
    made_by = {id(output): layer for layer, _, output in runs}
    found = []
    for layer, given, _ in runs:
        before = made_by.get(id(given))
        if (
            isinstance(layer, nn.BatchNorm2d)
            and isinstance(before, nn.Conv2d)
            and layer.running_var is not None
            and _rest(layer) is not None
            and times[id(layer)] == times[id(before)] == 1
        ):
            found.append((before, layer))
    return found


def _merge(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Put a norm's scale and shift into the convolution, in float64."""
    assert norm.running_mean is not None and norm.running_var is not None  # `_pairs` gives no other
    scale = 1 / (norm.running_var.double() + norm.eps).sqrt()
    shift = -norm.running_mean.double()
    if convolution.bias is not None:
        shift = shift + convolution.bias.double()
    if norm.affine:
        scale = scale * norm.weight.double()
        shift = shift * scale + norm.bias.double()
    else:
        shift = shift * scale
    weight = convolution.weight
    convolution.weight = nn.Parameter((weight.double() * scale[:, None, None, None]).to(weight.dtype))
    convolution.bias = nn.Parameter(shift.to(weight.dtype))


def _replace(module: nn.Module, layer: nn.Module, other: nn.Module | None) -> None:
    assert other is not None
    for parent in module.modules():
        for name, child in list(parent.named_children()):
            if child is layer:
                setattr(parent, name, other)
