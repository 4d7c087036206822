"""DeepfakeBench's MesoNets, which are other functions than the published ones in `meso.py`.

They come from a port to PyTorch, HongguLiu/MesoNet-Pytorch. Convolutions have no bias; batch norms have PyTorch's eps,
1e-5, and one is shared by the layers of the same width; the inception blocks have no ReLU; activations are flattened in
the order channel, height, width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from advxai.detector.networks.meso import DROPOUT, FEATURES, HIDDEN, REDUCTION, require_side


def _convolution(channels: int, filters: int, kernel: int, dilation: int = 1) -> nn.Conv2d:
    """One that keeps height and width, without a bias."""
    margin = dilation * (kernel // 2)
    return nn.Conv2d(channels, filters, kernel, padding=margin, dilation=dilation, bias=False)


class Branches(nn.Module):
    """Four branches, concatenated, with nothing between their convolutions; batch norm, max-pool by 2.

    Maps (n, channels, height, width) to (n, sum of branches, height / 2, width / 2).

    Args:
        channels: of the input.
        branches: channels of each branch.
    """

    def __init__(self, channels: int, branches: tuple[int, int, int, int]) -> None:
        super().__init__()
        point, first, second, third = branches
        self.point = _convolution(channels, point, 1)
        self.reduce1 = _convolution(channels, first, 1)
        self.conv1 = _convolution(first, first, 3)
        self.reduce2 = _convolution(channels, second, 1)
        self.conv2 = _convolution(second, second, 3, dilation=2)
        self.reduce3 = _convolution(channels, third, 1)
        self.conv3 = _convolution(third, third, 3, dilation=3)
        self.norm = nn.BatchNorm2d(sum(branches))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.point(x),
            self.conv1(self.reduce1(x)),
            self.conv2(self.reduce2(x)),
            self.conv3(self.reduce3(x)),
        ]
        pooled: Tensor = self.pool(self.norm(torch.cat(branches, dim=1)))
        return pooled


class _Meso(nn.Module):
    """What both networks share: layers by name, then two dense layers with dropout before each.

    Args:
        layers: of the features, by name.
        outputs: logits of an image.
        input_size: side of the input in pixels.

    Raises:
        ValueError: the side isn't a multiple of 32.
    """

    def __init__(self, layers: Mapping[str, nn.Module], outputs: int, input_size: int) -> None:
        super().__init__()
        if input_size < REDUCTION or input_size % REDUCTION:
            raise ValueError(f"MesoNet's input size must be a multiple of {REDUCTION}, not {input_size}")
        self.input_size = input_size
        for name, layer in layers.items():  # before the dense layers: the last one is taken for the head
            self.add_module(name, layer)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.last_pool = nn.MaxPool2d(4)
        self.leaky = nn.LeakyReLU(0.1)
        self.dropout = nn.Dropout(DROPOUT)
        self.fc1 = nn.Linear((input_size // REDUCTION) ** 2 * FEATURES, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, outputs)

    def features(self, images: Tensor) -> Tensor:
        """(n, 3, size, size) -> (n, 16, size / 32, size / 32)."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, input_size, input_size) normalised float32, in any memory layout -> logits (n, outputs).

        Raises:
            ValueError: the images have another shape.
        """
        require_side(images, self.input_size)
        hidden = self.leaky(self.fc1(self.dropout(self.features(images).flatten(1))))
        logits: Tensor = self.fc2(self.dropout(hidden))
        return logits


class Meso4(_Meso):
    """Four convolutions with 8, 8, 16 and 16 filters; `bn1` follows the first two, `bn2` the others.

    Args:
        outputs: logits of an image.
        input_size: side of the input in pixels, a multiple of 32.

    Raises:
        ValueError: it isn't.
    """

    conv1: nn.Conv2d
    conv2: nn.Conv2d
    conv3: nn.Conv2d
    conv4: nn.Conv2d
    bn1: nn.BatchNorm2d
    bn2: nn.BatchNorm2d

    def __init__(self, outputs: int = 2, input_size: int = 256) -> None:
        layers = {
            "conv1": _convolution(3, 8, 3),
            "conv2": _convolution(8, 8, 5),
            "conv3": _convolution(8, 16, 5),
            "conv4": _convolution(16, FEATURES, 5),
            "bn1": nn.BatchNorm2d(8),
            "bn2": nn.BatchNorm2d(16),
        }
        super().__init__(layers, outputs, input_size)

    def features(self, images: Tensor) -> Tensor:
        x = self.pool(self.bn1(self.relu(self.conv1(images))))
        x = self.pool(self.bn1(self.relu(self.conv2(x))))
        x = self.pool(self.bn2(self.relu(self.conv3(x))))
        pooled: Tensor = self.last_pool(self.bn2(self.relu(self.conv4(x))))
        return pooled


class MesoInception4(_Meso):
    """Inception blocks of 11 and 12 channels, then two convolutions with 16 filters, both followed by `bn1`.

    Args:
        outputs: logits of an image.
        input_size: side of the input in pixels, a multiple of 32.

    Raises:
        ValueError: it isn't.
    """

    inception1: Branches
    inception2: Branches
    conv1: nn.Conv2d
    conv2: nn.Conv2d
    bn1: nn.BatchNorm2d

    def __init__(self, outputs: int = 2, input_size: int = 256) -> None:
        layers = {
            "inception1": Branches(3, (1, 4, 4, 2)),
            "inception2": Branches(11, (2, 4, 4, 2)),
            "conv1": _convolution(12, 16, 5),
            "conv2": _convolution(16, FEATURES, 5),
            "bn1": nn.BatchNorm2d(16),
        }
        super().__init__(layers, outputs, input_size)

    def features(self, images: Tensor) -> Tensor:
        x = self.inception2(self.inception1(images))
        x = self.pool(self.bn1(self.relu(self.conv1(x))))
        pooled: Tensor = self.last_pool(self.bn1(self.relu(self.conv2(x))))
        return pooled
