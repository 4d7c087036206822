"""MesoNet: two small networks that look at faces at a scale between noise and meaning.

Afchar et al., MesoNet: a Compact Facial Video Forgery Detection Network, WIFS 2018, arXiv:1809.00888. As in its Keras
code, a batch norm comes after the ReLU (so it can't be folded into the convolution), has eps 1e-3 and keeps 99 % of its
moving averages, and activations are flattened in the order height, width, channel.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

REDUCTION = 32  # the pools' strides multiplied: 2, 2, 2, 4
FEATURES = 16  # channels after the last block
HIDDEN = 16
DROPOUT = 0.5

# The layers of each network in the order in which the published code constructs them, which is how Keras numbers them.
# Keras's kinds of layers; a layer's name is that of our module.
_NORMS = ("block1.norm", "block2.norm", "block3.norm", "block4.norm")
_DENSE = ("hidden", "output")
_BRANCHES = ("point", "reduce1", "conv1", "reduce2", "conv2", "reduce3", "conv3")
KERAS_LAYERS: dict[str, dict[str, tuple[str, ...]]] = {
    "meso4": {
        "conv2d": ("block1.conv", "block2.conv", "block3.conv", "block4.conv"),
        "batch_normalization": _NORMS,
        "dense": _DENSE,
    },
    "mesoinception4": {
        "conv2d": (
            *(f"block1.inception.{name}" for name in _BRANCHES),
            *(f"block2.inception.{name}" for name in _BRANCHES),
            "block3.conv",
            "block4.conv",
        ),
        "batch_normalization": _NORMS,
        "dense": _DENSE,
    },
}


class Inception(nn.Module):
    """Four branches, concatenated: 1x1; and 1x1 followed by 3x3 with dilation 1, 2 and 3; ReLU after each convolution.

    Maps (n, channels, height, width) to (n, sum of branches, height, width), all >= 0.

    Args:
        channels: of the input.
        branches: channels of each branch.
    """

    def __init__(self, channels: int, branches: tuple[int, int, int, int]) -> None:
        super().__init__()
        point, first, second, third = branches
        self.point = nn.Conv2d(channels, point, 1)
        self.reduce1 = nn.Conv2d(channels, first, 1)
        self.conv1 = nn.Conv2d(first, first, 3, padding=1)
        self.reduce2 = nn.Conv2d(channels, second, 1)
        self.conv2 = nn.Conv2d(second, second, 3, padding=2, dilation=2)
        self.reduce3 = nn.Conv2d(channels, third, 1)
        self.conv3 = nn.Conv2d(third, third, 3, padding=3, dilation=3)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        relu = self.relu
        return torch.cat(
            [
                relu(self.point(x)),
                relu(self.conv1(relu(self.reduce1(x)))),
                relu(self.conv2(relu(self.reduce2(x)))),
                relu(self.conv3(relu(self.reduce3(x)))),
            ],
            dim=1,
        )


def _norm_and_pool(channels: int, pool: int) -> dict[str, nn.Module]:
    return {"norm": nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01), "pool": nn.MaxPool2d(pool)}


def _convolution(channels: int, filters: int, kernel: int, pool: int = 2) -> nn.Sequential:
    """A convolution that keeps height and width, ReLU, batch norm, max-pool."""
    layers = {"conv": nn.Conv2d(channels, filters, kernel, padding=kernel // 2), "relu": nn.ReLU()}
    return nn.Sequential(OrderedDict(layers | _norm_and_pool(filters, pool)))


def _inception(channels: int, branches: tuple[int, int, int, int]) -> nn.Sequential:
    """Branches, batch norm, max-pool by 2."""
    layers = {"inception": Inception(channels, branches)}
    return nn.Sequential(OrderedDict(layers | _norm_and_pool(sum(branches), 2)))


def require_side(images: Tensor, size: int) -> None:
    """Refuse images that a MesoNet of this input can't take: its last layers are for one size.

    Raises:
        ValueError: they aren't (n, 3, size, size).
    """
    expected = (3, size, size)
    # A tracer can't follow the comparison. Of the function torch has no types.
    tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    if not tracing and tuple(images.shape[1:]) != expected:
        raise ValueError(f"MesoNet takes images of shape {expected}, not {tuple(images.shape[1:])}")


class _Meso(nn.Module):
    """What both networks share: four blocks, then two dense layers with dropout before each.

    Args:
        blocks: together they map (n, 3, size, size) to (n, 16, size / 32, size / 32).
        outputs: logits of an image.
        input_size: side of the input in pixels.

    Raises:
        ValueError: the side isn't a multiple of 32.
    """

    def __init__(self, blocks: tuple[nn.Module, nn.Module, nn.Module, nn.Module], outputs: int, input_size: int):
        super().__init__()
        if input_size < REDUCTION or input_size % REDUCTION:
            raise ValueError(f"MesoNet's input size must be a multiple of {REDUCTION}, not {input_size}")
        self.input_size = input_size
        self.block1, self.block2, self.block3, self.block4 = blocks
        self.dropout1 = nn.Dropout(DROPOUT)
        self.hidden = nn.Linear((input_size // REDUCTION) ** 2 * FEATURES, HIDDEN)
        self.leaky = nn.LeakyReLU(0.1)
        self.dropout2 = nn.Dropout(DROPOUT)
        self.output = nn.Linear(HIDDEN, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, input_size, input_size) float32 RGB in [0, 1], in any memory layout -> logits (n, outputs).

        Raises:
            ValueError: the images have another shape.
        """
        require_side(images, self.input_size)
        x = self.block4(self.block3(self.block2(self.block1(images))))
        x = x.permute(0, 2, 3, 1).flatten(1)
        logits: Tensor = self.output(self.dropout2(self.leaky(self.hidden(self.dropout1(x)))))
        return logits


class Meso4(_Meso):
    """Four convolutions with 8, 8, 16 and 16 filters; 27,977 parameters with one output.

    The published weights' one output is the logit of p(real).

    Args:
        outputs: logits of an image.
        input_size: side of the input in pixels, a multiple of 32.

    Raises:
        ValueError: it isn't.
    """

    def __init__(self, outputs: int = 1, input_size: int = 256) -> None:
        blocks = (
            _convolution(3, 8, kernel=3),
            _convolution(8, 8, kernel=5),
            _convolution(8, 16, kernel=5),
            _convolution(16, FEATURES, kernel=5, pool=4),
        )
        super().__init__(blocks, outputs, input_size)


class MesoInception4(_Meso):
    """Meso4 with inception blocks of 11 and 12 channels in the place of its first two convolutions.

    The published weights' one output is the logit of p(real); 28,615 parameters with one output.

    Args:
        outputs: logits of an image.
        input_size: side of the input in pixels, a multiple of 32.

    Raises:
        ValueError: it isn't.
    """

    def __init__(self, outputs: int = 1, input_size: int = 256) -> None:
        blocks = (
            _inception(3, (1, 4, 4, 2)),
            _inception(11, (2, 4, 4, 2)),
            _convolution(12, 16, kernel=5),
            _convolution(16, FEATURES, kernel=5, pool=4),
        )
        super().__init__(blocks, outputs, input_size)
