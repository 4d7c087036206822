"""Hybrids of a convolutional network and a transformer.

`efficientnet_vit`: the detector of the GitHub repository noame12/Explainable_Attention_Based_Deepfake_Detector, after
Coccomini et al., Combining EfficientNet and Vision Transformers for Video Deepfake Detection, ICIAP 2022,
arXiv:2107.02612.
"""

from typing import Any

from torch import Tensor, nn

from advxai.detector.networks.backbone import backbone_of, maps_of, shapes_of
from advxai.detector.networks.transformer import Encoder

CHANNEL_TOKENS, HIDDEN = 1024, 2048


class EfficientNetViT(nn.Module):
    """A transformer behind a convolutional network.

    Its tokens are either learnt mixtures of the last map's channels (`tokens: channels`, as released: each token is a
    1 x 1 convolution of the map, and its numbers are the map's places, so it lies nowhere) or the places of a map.

    Args:
        outputs: how many logits it has.
        size: side of its input, in pixels.
        backbone, tokens, stride, width, depth: as of `advxai.config.networks.Options`.

    Raises:
        InputError: timm has no such backbone, or it has no such map.
        ValueError: channels' tokens of another map than the last.
    """

    def __init__(
        self, outputs: int, size: int, *, backbone: str, tokens: str, stride: int, width: int, depth: int
    ) -> None:
        super().__init__()
        self.stride = stride
        self.backbone = backbone_of(backbone)
        channels, side = shapes_of(self.backbone, backbone, size, [stride])[0]
        places = side**2
        self.by_place = tokens == "places"
        count, own = (places, width) if self.by_place else (CHANNEL_TOKENS, places)
        self.to_tokens = nn.Conv2d(channels, own if self.by_place else count, 1)
        self.encoder = Encoder(count, own, depth, hidden=HIDDEN, grid=self.by_place)
        self.head = nn.Sequential(nn.Linear(own, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size), normalised -> logits (n, outputs)."""
        content = self.to_tokens(maps_of(self.backbone, images, [self.stride])[0]).flatten(2)
        seen = self.encoder(content.transpose(1, 2) if self.by_place else content)
        logits: Tensor = self.head(seen[:, 0])
        return logits


def efficientnet_vit(outputs: int, size: int, options: dict[str, Any]) -> nn.Module:
    """The network of random weights; `options`: of `advxai.config.networks.options_of`."""
    return EfficientNetViT(outputs, size, **options)
