"""Networks as other packages and repositories have them, to compare ours with: those of packages as they are, others
written here from what is known of them."""

import numpy as np
import torch
from efficientnet_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional

from advxai.config.science import Detector as Settings
from advxai.detector.build import build_module
from advxai.dialects.renaming import renamed, shaped


def images(size: int, count: int = 2) -> Tensor:
    """Coarse patches with finer noise, which networks tell apart, (count, 3, size, size)."""
    draws = np.random.default_rng(size + 1)
    coarse, fine = (torch.from_numpy(draws.standard_normal((count, 3, side, side))).float() for side in (5, size))
    return functional.interpolate(coarse, (size, size), mode="bilinear") + fine / 3


def lived_in(module: nn.Module, size: int) -> nn.Module:
    """The module in evaluation mode, with batch norms that say something: drawn scales and shifts, statistics of what
    came by, and answers that differ from image to image."""
    draws = torch.Generator().manual_seed(1)
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.momentum = 1.0
            norm.weight.copy_(torch.rand(norm.weight.shape, generator=draws) + 0.5)
            norm.bias.copy_(torch.randn(norm.bias.shape, generator=draws) / 5)
        torch.manual_seed(2)  # drawn by what drops activations
        module.train()(images(size, 12))
        for norm in norms:  # of a dozen images a channel may have no spread to speak of
            norm.running_var.clamp_(min=float(norm.running_var.mean()) / 2)
        last = [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]
        logits = module.eval()(images(size, 7))  # one may be far from all others, so medians tell how they spread
        last.weight.mul_(0.3 / (logits - logits.median(dim=0).values).abs().median(dim=0).values.max())
    return module


def ours(theirs: nn.Module, model: str, size: int, outputs: int = 2) -> nn.Module:
    """Our network with their weights, by the rules of renaming; as old files, with pointwise weights as matrices."""
    state = theirs.state_dict()
    state |= {name: value[:, :, 0, 0] for name, value in state.items() if name.endswith(".pointwise.weight")}
    names = renamed({name: tuple(value.shape) for name, value in state.items()}, model)
    module = build_module(Settings(model=model, input_size=size), outputs).eval()
    module.load_state_dict(
        {own: state[name].reshape(shaped(own, tuple(state[name].shape))) for name, own in names.items()}
    )
    return module


@torch.no_grad()
def apart(first: nn.Module, second: nn.Module, size: int) -> float:
    """The largest difference of the logits, in units of the largest one if that is above 1."""
    given = images(size).to(next(first.parameters()).dtype)
    one, other = first(given), second(given)
    assert float((one[0] - one[1]).abs().max()) > 1e-3  # else they would agree whatever they computed
    return float((one - other).abs().max() / one.abs().max().clamp(min=1))


def package(number: int, outputs: int = 2) -> EfficientNet:
    torch.manual_seed(number)
    return EfficientNet.from_name(f"efficientnet-b{number}", num_classes=outputs)


def as_before(network: EfficientNet) -> EfficientNet:
    """With the paddings of the releases before 0.7."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and tuple(layer.stride) == (2, 2):
            before, after = {3: (0, 1), 5: (1, 2)}[layer.kernel_size[0]]
            layer.static_padding = nn.ZeroPad2d((before, after, before, after))
    return network


class EffnB4(nn.Module):
    """DeepfakeBench's: the first convolution is replaced by one that doesn't pad, the last layer is its own."""

    def __init__(self) -> None:
        super().__init__()
        self.efficientnet = package(4)
        self.efficientnet._conv_stem = nn.Conv2d(3, 48, 3, stride=2, bias=False)
        self.efficientnet._fc = nn.Identity()
        self.last_layer = nn.Linear(1792, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last_layer(self.efficientnet.extract_features(x).mean(dim=(2, 3)))


class IcprB4(nn.Module):
    """ICPR 2020's B4; with attention the output of block 9 is weighed."""

    def __init__(self, attention: bool, before: bool = False) -> None:
        super().__init__()
        self.efficientnet = net = as_before(package(4)) if before else package(4)
        del net._fc
        if attention:
            net.attconv = nn.Conv2d(56, 1, 1)
            net._blocks[9].register_forward_hook(lambda block, given, x: x * torch.sigmoid(net.attconv(x)))
        self.classifier = nn.Linear(1792, 1)

    def features(self, x: Tensor) -> Tensor:
        return self.efficientnet.extract_features(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class IcprST(nn.Module):
    """ICPR 2020's, tuned after a training with triplets: the inner classifier stays in the file, unused."""

    def __init__(self, inner: IcprB4) -> None:
        super().__init__()
        self.feat_ext = inner
        self.classifier = nn.Sequential(nn.BatchNorm1d(1792), nn.Linear(1792, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.feat_ext.features(x))


class _Bench(nn.Module):
    """What DeepfakeBench's two MesoNets end with."""

    def ended(self, x: Tensor) -> Tensor:
        return self.fc2(functional.leaky_relu(self.fc1(x.reshape(len(x), 1024)), 0.1))


def _conv(channels: int, filters: int, kernel: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, kernel, padding=kernel // 2 * dilation, dilation=dilation, bias=False)


class BenchMeso4(_Bench):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(3, 8, 3), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = _conv(8, 8, 5), nn.BatchNorm2d(16)
        self.conv3, self.conv4 = _conv(8, 16, 5), _conv(16, 16, 5)
        self.fc1, self.fc2 = nn.Linear(1024, 16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        steps = ((self.conv1, self.bn1, 2), (self.conv2, self.bn1, 2), (self.conv3, self.bn2, 2))
        for conv, norm, pool in (*steps, (self.conv4, self.bn2, 4)):
            x = functional.max_pool2d(norm(conv(x).clamp(min=0)), pool)
        return self.ended(x)


class BenchMesoInception4(_Bench):
    def __init__(self) -> None:
        super().__init__()
        for number, channels, first in ((1, 3, 1), (2, 11, 2)):
            widths = {"conv1": (first, 1, 1)}
            for branch, filters in ((2, 4), (3, 4), (4, 2)):
                self.add_module(f"Incption{number}_conv{branch}_1", _conv(channels, filters, 1))
                self.add_module(f"Incption{number}_conv{branch}_2", _conv(filters, filters, 3, branch - 1))
            for name, (filters, kernel, dilation) in widths.items():
                self.add_module(f"Incption{number}_{name}", _conv(channels, filters, kernel, dilation))
            self.add_module(f"Incption{number}_bn", nn.BatchNorm2d(10 + first))
        self.conv1, self.conv2, self.bn1 = _conv(12, 16, 5), _conv(16, 16, 5), nn.BatchNorm2d(16)
        self.fc1, self.fc2 = nn.Linear(1024, 16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        for number in (1, 2):
            layers = {name: getattr(self, f"Incption{number}_{name}") for name in ("conv1", "bn")}
            parts = [layers["conv1"](x)]
            for branch in (2, 3, 4):
                first, second = (getattr(self, f"Incption{number}_conv{branch}_{place}") for place in (1, 2))
                parts.append(second(first(x)))
            x = functional.max_pool2d(layers["bn"](torch.cat(parts, dim=1)), 2)
        for conv, pool in ((self.conv1, 2), (self.conv2, 4)):
            x = functional.max_pool2d(self.bn1(conv(x).clamp(min=0)), pool)
        return self.ended(x)


class BenchResNet(nn.Module):
    """DeepfakeBench's ResNet-34 (detector cnnaug): torchvision's layers as a Sequential."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet34

        torch.manual_seed(0)
        self.resnet = nn.Sequential(*list(resnet34().children())[:-2])
        self.fc = nn.Linear(512, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.resnet(x).mean(dim=(2, 3)))


class BenchXception(nn.Module):
    """Cadene's Xception as DeepfakeBench keeps it: dropout before the last layer, and a layer that nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        from pretrainedmodels.models.xception import Xception

        torch.manual_seed(0)
        self.backbone = Xception(num_classes=2)
        self.backbone.last_linear = nn.Sequential(nn.Dropout(0.5), nn.Linear(2048, 2))
        del self.backbone.fc
        self.backbone.adjust_channel = nn.Sequential(nn.Conv2d(2048, 512, 1), nn.BatchNorm2d(512), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone(x)
