"""Networks that learn where to look, on any backbone.

`efficientnet_ltpa`: Jetley et al., Learn to Pay Attention, ICLR 2018, arXiv:1804.02391, as Pino et al., What's wrong
with this video? Comparing Explainers for Deepfake Detection, 2021, arXiv:2105.05902, put it on EfficientNet.
`efficientnet_autoatt`: the attention of Bonettini et al., ICPR 2020, arXiv:2004.07676.
"""

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError
from advxai.detector.networks.backbone import backbone_of, maps_of, shapes_of, whole_of
from advxai.detector.networks.efficientnet import Attention

STRIDES = (8, 16, 32)  # of levels 1 to 3
ATTENDED = 8  # pixels of the input by place of the map that Bonettini's attention weighs


class Level(nn.Module):
    """The places of one map, weighed by how well they go with the global feature: <w, l + g> with a w that is learnt.

    Args:
        channels: of the map.
        width: of the global feature.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.to_local = nn.Conv2d(channels, width, 1)
        self.compatibility = nn.Conv2d(width, 1, 1, bias=False)  # a bias would be the same at all places
        self.attention_map = nn.Identity()  # where `advxai.detector.attention` sees the map

    def forward(self, maps: Tensor, whole: Tensor) -> Tensor:
        """(n, channels, h, w), (n, width) -> (n, width), the sum of the local features weighed by their attention."""
        local = self.to_local(maps)
        fit = self.compatibility(local + whole[:, :, None, None])
        weights = self.attention_map(fit.flatten(2).softmax(dim=2).view_as(fit))
        pooled: Tensor = (weights * local).sum(dim=(2, 3))
        return pooled


class Ltpa(nn.Module):
    """Three levels of attention; the head sees what they have summed up, side by side, and not the global feature.

    Args:
        outputs: how many logits it has.
        size: side of its input, in pixels.
        backbone, width: as of `advxai.config.networks.Options`; width None: the channels of the backbone's last map,
            whose mean is the global feature. Of another width it goes through a linear layer first.

    Raises:
        InputError: timm has no such backbone, or it has no such maps.
    """

    def __init__(self, outputs: int, size: int, *, backbone: str, width: int | None) -> None:
        super().__init__()
        self.backbone = backbone_of(backbone)
        channels = [found for found, _ in shapes_of(self.backbone, backbone, size, STRIDES)]
        own = width or channels[-1]
        self.to_global = nn.Identity() if own == channels[-1] else nn.Linear(channels[-1], own)
        self.levels = nn.ModuleList(Level(one, own) for one in channels)
        self.head = nn.Linear(len(STRIDES) * own, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size), normalised -> logits (n, outputs)."""
        maps = maps_of(self.backbone, images, STRIDES)
        whole = self.to_global(maps[-1].mean(dim=(2, 3)))
        pooled = [level(one, whole) for level, one in zip(self.levels, maps, strict=True)]
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits


def efficientnet_autoatt(outputs: int, size: int, *, backbone: str) -> nn.Module:
    """A backbone with its own head and timm's names, whose map of stride 8 is weighed by `Attention`.

    The attention is the last child, `attention`, of the stage that gives the map: `blocks.2` of an EfficientNet-B4.

    Args:
        outputs, size, backbone: as of `Ltpa`.

    Raises:
        InputError: timm has no such backbone, or it has no such stage, or nothing could be put behind it.
    """
    module = whole_of(backbone, outputs)
    shapes_of(module, backbone, size, [ATTENDED])
    info = next(one for one in reversed(list(module.feature_info)) if one["reduction"] == ATTENDED)  # type: ignore[arg-type]
    stage = module.get_submodule(info["module"])
    if not isinstance(stage, nn.Sequential):
        raise InputError(
            f"detector.network.backbone: {backbone}'s stage of stride {ATTENDED}, {info['module']}, is a "
            f"{type(stage).__name__}, behind which no attention can be put; give an EfficientNet"
        )
    stage.add_module("attention", Attention(info["num_chs"]))
    return module
