"""The convolutional networks of timm that other networks here stand on."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError


def backbone_of(name: str) -> nn.Module:
    """A network of timm of random weights, without its head.

    Raises:
        InputError: timm has none of this name, or it has no maps of different sizes.
    """
    import timm  # takes seconds, which other networks of ours needn't

    if not timm.is_model(name):
        raise InputError(f"detector.network.backbone: timm has no model {name!r}; give one of timm.list_models()")
    module: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    if not hasattr(module, "forward_intermediates") or not getattr(module, "feature_info", None):
        raise InputError(f"detector.network.backbone: {name} gives no maps of several sizes; give an EfficientNet")
    return module


def maps_of(backbone: Any, images: Tensor, strides: Sequence[int]) -> list[Tensor]:
    """Maps (n, d, h, w) of images, one a stride; of 32 the backbone's last, behind its last convolution.

    Args:
        backbone: of `backbone_of`.
        images: (n, 3, h, w), normalised.
        strides: pixels of the input by place; of several maps of one stride the deepest is taken.
    """
    if list(strides) == [32]:
        return [backbone.forward_features(images)]
    places = {info["reduction"]: index for index, info in enumerate(_info(backbone))}
    wanted = sorted({places[stride] for stride in strides if stride != 32})
    last, found = backbone.forward_intermediates(images, indices=wanted)
    by_place = dict(zip(wanted, found, strict=True))
    return [last if stride == 32 else by_place[places[stride]] for stride in strides]


def shapes_of(backbone: nn.Module, name: str, size: int, strides: Sequence[int]) -> list[tuple[int, int]]:
    """Channels and side of the maps that `maps_of` gives of square images.

    Args:
        backbone: of `backbone_of`.
        name: its name, for messages.
        size: side of the images, in pixels.
        strides: as of `maps_of`.

    Raises:
        InputError: there is no map of a stride, or what is there is no square map.
    """
    there = {info["reduction"] for info in _info(backbone)} | {32}
    for stride in strides:
        if stride not in there:
            listed = ", ".join(map(str, sorted(there)))
            raise InputError(f"detector.network: {name} has no map of stride {stride} (it has {listed})")
    training = backbone.training
    with torch.no_grad():
        found = maps_of(backbone.eval(), torch.zeros(1, 3, size, size), strides)
    backbone.train(training)
    shapes = []
    for stride, one in zip(strides, found, strict=True):
        if one.ndim != 4 or one.shape[2] != one.shape[3]:
            raise InputError(
                f"detector.network.backbone: {name} gives {' x '.join(map(str, one.shape[1:]))} at stride {stride}, "
                "which is no square map with its channels first; give an EfficientNet"
            )
        shapes.append((one.shape[1], one.shape[2]))
    return shapes


def _info(backbone: Any) -> list[dict[str, Any]]:
    return list(backbone.feature_info)
