"""Networks of our own (`advxai.config.networks` says what is known of each)."""

from collections.abc import Callable

from torch import nn

from advxai.common.errors import InputError
from advxai.config.networks import ICPR_KINDS, NETWORKS, NOMINAL, Options, options_of
from advxai.detector.networks import deepfakebench
from advxai.detector.networks.cross import CrossEfficientViT
from advxai.detector.networks.efficientnet import efficientnet, icpr
from advxai.detector.networks.hybrid import EfficientNetViT, EfficientViT
from advxai.detector.networks.ltpa import Ltpa, efficientnet_autoatt
from advxai.detector.networks.meso import Meso4, MesoInception4

Build = Callable[[int, int], nn.Module]  # of numbers of logits and side of the input


def _efficientnet(number: int, *, everywhere: bool = False, stem: bool = True) -> Build:
    return lambda outputs, size: efficientnet(number, outputs, everywhere=everywhere, stem=stem)


def _icpr(kind: str, *, everywhere: bool) -> Build:
    attention, siamese = "autoatt" in kind, kind.endswith("st")
    return lambda outputs, size: icpr(outputs, attention=attention, siamese=siamese, everywhere=everywhere)


BUILT: dict[str, Build] = {
    "meso4": Meso4,
    "mesoinception4": MesoInception4,
    **{f"efficientnet_pytorch_b{number}": _efficientnet(number) for number in range(len(NOMINAL))},
    **{f"efficientnet_pytorch06_b{number}": _efficientnet(number, everywhere=True) for number in range(len(NOMINAL))},
    "deepfakebench_effnb4": _efficientnet(4, stem=False),
    "deepfakebench_meso4": deepfakebench.Meso4,
    "deepfakebench_mesoinception4": deepfakebench.MesoInception4,
    **{f"icpr_{kind}_b4": _icpr(kind, everywhere=True) for kind in ICPR_KINDS},
    **{f"icpr07_{kind}_b4": _icpr(kind, everywhere=False) for kind in ICPR_KINDS},
}
# Those with options, which they are given all of.
CHOSEN: dict[str, Callable[..., nn.Module]] = {
    "efficientnet_vit": EfficientNetViT,
    "efficient_vit": EfficientViT,
    "cross_efficient_vit": CrossEfficientViT,
    "efficientnet_ltpa": Ltpa,
    "efficientnet_autoatt": efficientnet_autoatt,
}


def build(name: str, outputs: int, input_size: int | None = None, options: Options | None = None) -> nn.Module:
    """A network with random weights.

    Args:
        name: of `NETWORKS`.
        outputs: how many logits it has.
        input_size: side of its input in pixels; None: as published.
        options: what is asked for of a network that has options; None: nothing.

    Raises:
        InputError: it can't have such an input.
    """
    size = input_size or NETWORKS[name].input_size
    try:
        if name in CHOSEN:
            return CHOSEN[name](outputs, size, **options_of(name, options))
        return BUILT[name](outputs, size)
    except ValueError as error:
        raise InputError(f"detector.input_size: {error}; correct it") from error
