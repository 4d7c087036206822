"""Hybrids of a convolutional network and a transformer.

`efficient_vit`: of Coccomini et al., Combining EfficientNet and Vision Transformers for Video Deepfake Detection, ICIAP
2022, arXiv:2107.02612. `efficientnet_vit`: the detector of the GitHub repository
noame12/Explainable_Attention_Based_Deepfake_Detector, made of it.
"""

from torch import Tensor, nn

from advxai.common.errors import InputError
from advxai.config.networks import CHANNEL_TOKENS, HEADS
from advxai.detector.networks.backbone import backbone_of, maps_of, shapes_of
from advxai.detector.networks.transformer import Encoder

HIDDEN, WIDTH = 2048, 1024


class EfficientNetViT(nn.Module):
    """A transformer behind a convolutional network.

    Its tokens are either learnt mixtures of the last map's channels (`tokens: channels`, as released: each token is a
    1 x 1 convolution of the map, and its numbers are the map's places, so it lies nowhere) or the places of a map.

    Args:
        outputs: how many logits it has.
        size: side of its input, in pixels.
        backbone, tokens, stride, width, depth: as of `advxai.config.networks.Options`; channels' tokens have no width.

    Raises:
        InputError: timm has no such backbone, or it has no such map; or channels' tokens of another map than the last.
    """

    def __init__(
        self, outputs: int, size: int, *, backbone: str, tokens: str, stride: int, width: int = 0, depth: int
    ) -> None:
        super().__init__()
        if tokens == "channels" and stride != 32:
            raise InputError(
                f"detector.network.stride: {stride} is for tokens: places; take it out, or set network.tokens to places"
            )
        self.stride = stride
        self.backbone = backbone_of(backbone, stride)
        channels, side = shapes_of(self.backbone, backbone, size, [stride])[0]
        places = side**2
        self.by_place = tokens == "places"
        count, own = (places, width) if self.by_place else (CHANNEL_TOKENS, places)
        self.to_tokens = nn.Conv2d(channels, own if self.by_place else count, 1)
        self.encoder = Encoder(count, own, depth, heads=HEADS, hidden=HIDDEN, grid=self.by_place)
        self.head = nn.Sequential(nn.Linear(own, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size), normalised -> logits (n, outputs)."""
        content = self.to_tokens(maps_of(self.backbone, images, [self.stride])[0]).flatten(2)
        seen = self.encoder(content.transpose(1, 2) if self.by_place else content)
        logits: Tensor = self.head(seen[:, 0])
        return logits


class EfficientViT(nn.Module):
    """A transformer of two tokens behind a convolutional network: the whole last map, and a class token.

    Where an image lies in its batch plays no part (in the released code the position embedding goes by it).

    Args:
        outputs: how many logits it has.
        size: side of its input, in pixels.
        backbone, depth: as of `advxai.config.networks.Options`.

    Raises:
        InputError: timm has no such backbone, or it has no such map.
    """

    def __init__(self, outputs: int, size: int, *, backbone: str, depth: int) -> None:
        super().__init__()
        self.backbone = backbone_of(backbone)
        channels, side = shapes_of(self.backbone, backbone, size, [32])[0]
        self.to_token = nn.Linear(channels * side**2, WIDTH)
        self.encoder = Encoder(1, WIDTH, depth, hidden=HIDDEN, grid=False)
        self.head = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size), normalised -> logits (n, outputs)."""
        token = self.to_token(maps_of(self.backbone, images, [32])[0].permute(0, 2, 3, 1).flatten(1))
        logits: Tensor = self.head(self.encoder(token[:, None])[:, 0])
        return logits
