"""The convolutional networks that other networks here stand on: timm's, and EfficientNets with other paddings."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError
from advxai.common.usercode import described
from advxai.config.networks import NOMINAL
from advxai.detector.networks.efficientnet import efficientnet

# EfficientNets with the paddings of another package: which of B0 to B7, and whether of its releases before 0.7.
PADDED = {
    f"efficientnet_pytorch{release}_b{number}": (number, bool(release))
    for release in ("", "06")
    for number in range(len(NOMINAL))
}


def whole_of(name: str, outputs: int) -> nn.Module:
    """A network of timm, or an EfficientNet of ours, of random weights.

    Args:
        name: as `detector.network.backbone` names it.
        outputs: of its head; 0: it has none, and gives the map's mean.

    Raises:
        InputError: there is none of this name.
    """
    if name in PADDED:
        number, everywhere = PADDED[name]
        return efficientnet(number, outputs, everywhere=everywhere)
    import timm  # takes seconds, which other networks of ours needn't

    if not timm.is_model(name):
        raise InputError(
            f"detector.network.backbone: timm has no model {name!r}; give one of timm.list_models(), or "
            "efficientnet_pytorch_b0 to _b7"
        )
    module: nn.Module = timm.create_model(name, pretrained=False, num_classes=outputs)
    return module


def backbone_of(name: str, stride: int = 32) -> nn.Module:
    """A network of timm, or an EfficientNet of ours, of random weights, without its head.

    Args:
        name: as of `whole_of`.
        stride: of the deepest map that is asked for (`maps_of`): what lies behind it is left out, as no answer hangs
            on it, and a training that counts blocks from the last one would count it.

    Raises:
        InputError: there is none of this name, or it has no maps of different sizes, or none of this stride, or what
            lies behind that can't be left out.
    """
    module: Any = whole_of(name, 0)
    _require_maps(module, name)
    if stride < 32:
        if not hasattr(module, "prune_intermediate_layers"):
            raise InputError(
                f"detector.network: {name} can't end at its map of stride {stride}; set stride to 32, or give an "
                "EfficientNet"
            )
        module.prune_intermediate_layers([_index(module, name, stride)], prune_norm=True)
    found: nn.Module = module
    return found


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
        InputError: it has no maps of different sizes, or none of a stride, or what is there is no square map.
    """
    _require_maps(backbone, name)
    for stride in strides:
        if stride != 32:
            _index(backbone, name, stride)
    training = backbone.training
    try:
        with torch.no_grad():
            found = maps_of(backbone.eval(), torch.zeros(1, 3, size, size), strides)
    except (AssertionError, RuntimeError, ValueError) as error:  # a transformer takes images of its own size alone
        raise InputError(
            f"detector.network.backbone: {name} can't take images of {size} px ({described(error)}); set "
            "detector.input_size to what it takes, or give an EfficientNet"
        ) from error
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


def _require_maps(module: nn.Module, name: str) -> None:
    if not hasattr(module, "forward_intermediates") or not getattr(module, "feature_info", None):
        raise InputError(f"detector.network.backbone: {name} gives no maps of several sizes; give an EfficientNet")


def _index(backbone: nn.Module, name: str, stride: int) -> int:
    """Which of the network's maps is the deepest of a stride."""
    places = {info["reduction"]: index for index, info in enumerate(_info(backbone))}
    if stride not in places:
        listed = ", ".join(map(str, sorted({*places, 32})))
        raise InputError(f"detector.network: {name} has no map of stride {stride} (it has {listed})")
    return places[stride]


def _info(backbone: Any) -> list[dict[str, Any]]:
    return list(backbone.feature_info)
