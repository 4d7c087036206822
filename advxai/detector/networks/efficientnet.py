"""EfficientNets that pad by fixed numbers, as the package efficientnet_pytorch and detectors made with it do.

Their weights have timm's names and shapes (`advxai.dialects.renaming`), so timm's `tf_efficientnet_bX` takes them
without an error. But timm pads by the size of the input, "same" as TensorFlow does, and efficientnet_pytorch by numbers
that are fixed when the network is built: of each layer's size at the network's nominal input (from release 0.7 on), or
of the nominal input itself, for all layers (before). Where they differ a feature map is shifted by a pixel, and the
answers are plausible and wrong.

Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019, arXiv:1905.11946.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from advxai.config.networks import NOMINAL

ATTENDED = 2  # the stage whose maps ICPR 2020's attention weighs: block 9 of B4 is its last


class FixedPadding(nn.Conv2d):
    """A convolution whose input is padded by fixed numbers of zeros.

    Args:
        convolution: whose weights and settings it takes over, besides the padding.
        before: pixels above and at the left.
        after: pixels below and at the right.
    """

    def __init__(self, convolution: nn.Conv2d, before: int, after: int) -> None:
        super().__init__(
            convolution.in_channels,
            convolution.out_channels,
            (convolution.kernel_size[0], convolution.kernel_size[1]),
            stride=(convolution.stride[0], convolution.stride[1]),
            padding=before if before == after else 0,
            groups=convolution.groups,
            bias=convolution.bias is not None,
            device="meta",  # so that nothing is drawn
        )
        self.weight, self.bias = convolution.weight, convolution.bias
        self.margins = (0, 0, 0, 0) if before == after else (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in, height, width) -> (n, out, height', width')."""
        return super().forward(nn.functional.pad(x, self.margins) if any(self.margins) else x)


class Attention(nn.Module):
    """Weighs each place of a feature map by a number in (0, 1) that is learnt: x times sigmoid of a 1 x 1 convolution.

    Args:
        channels: of the map.

    Attributes:
        added: True: no network of timm's has it, so files of ImageNet weights haven't either.
    """

    added = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)
        self.attention_map = nn.Identity()  # where `advxai.detector.attention` sees the numbers

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) -> the same shape."""
        weighed: Tensor = x * self.attention_map(torch.sigmoid(self.conv(x)))
        return weighed


def same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same" padding of a side of `size` pixels: so many before it and after it."""
    padding = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return padding // 2, padding - padding // 2


def efficientnet(number: int, outputs: int, *, everywhere: bool = False, stem: bool = True) -> nn.Module:
    """efficientnet_pytorch's B`number`, of random weights.

    Args:
        number: 0 to 7.
        outputs: how many logits it has.
        everywhere: each layer pads as if its input had the nominal size (releases before 0.7); else as is right where
            the network's input has it.
        stem: False: the first convolution doesn't pad.

    Returns:
        A module that maps normalised (n, 3, h, w) to logits (n, outputs), with timm's names.
    """
    import timm  # takes seconds, which other networks of ours needn't

    module: nn.Module = timm.create_model(f"tf_efficientnet_b{number}", pretrained=False, num_classes=outputs)
    size = NOMINAL[number]
    for name, layer in list(_strided(module)):
        stride = layer.stride[0]
        before, after = same(NOMINAL[number] if everywhere else size, layer.kernel_size[0], stride)
        if name == "conv_stem" and not stem:
            before = after = 0
        parent, _, child = name.rpartition(".")
        setattr(module.get_submodule(parent), child, FixedPadding(layer, before, after))
        size = -(-size // stride)
    return module


def _strided(module: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    """The convolutions that make maps smaller, in the order of computation; the padding of others hangs on no size."""
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.stride != (1, 1):
            yield name, layer


def icpr(outputs: int, *, attention: bool, siamese: bool, everywhere: bool) -> nn.Module:
    """A B4 of Bonettini et al., ICPR 2020, arXiv:2004.07676.

    Args:
        outputs: how many logits it has.
        attention: with the attention after block 9 (EfficientNetAutoAttB4): `blocks.2.attention`.
        siamese: with a batch norm before the last layer, as theirs that were trained with triplets have (ST).
        everywhere: see `efficientnet`.
    """
    module = efficientnet(4, outputs, everywhere=everywhere)
    if attention:
        stage = module.get_submodule(f"blocks.{ATTENDED}")
        projection = module.get_submodule(f"blocks.{ATTENDED}.0.conv_pwl")
        assert isinstance(projection, nn.Conv2d)
        stage.add_module("attention", Attention(projection.out_channels))
    if siamese:
        last = module.get_submodule("classifier")
        assert isinstance(last, nn.Linear)
        norm = nn.BatchNorm1d(last.in_features)
        norm.added = True  # type: ignore[assignment]
        module.classifier = nn.Sequential(norm, last)
    return module
