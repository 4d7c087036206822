"""`cross_efficient_vit`: two transformers behind convolutional networks, which look at each other.

Coccomini et al., Combining EfficientNet and Vision Transformers for Video Deepfake Detection, ICIAP 2022,
arXiv:2107.02612; its transformers are those of Chen et al., CrossViT, ICCV 2021, arXiv:2103.14899.
"""

import torch
from torch import Tensor, nn

from advxai.detector.networks.backbone import backbone_of, maps_of, shapes_of
from advxai.detector.networks.transformer import Block, CrossAttention

SMALL, LARGE = 192, 384  # widths of a token
SMALL_BLOCKS, LARGE_BLOCKS, CROSSINGS = 2, 3, 2  # in each of `depth`
EARLY = 4  # pixels of the input by place of the map that the large branch sees
HEADS, HEAD, HIDDEN, DROPOUT = 8, 64, 2048, 0.15


class Branch(nn.Module):
    """A whole map as a token, and a class token before it, with an embedding of the position of each.

    Args:
        size: side of the input, in pixels.
        backbone: name of the convolutional network.
        stride: pixels of the input by place of its map.
        width: of a token.

    Attributes:
        token_grid: False: its tokens are no places.
    """

    token_grid = False

    def __init__(self, size: int, backbone: str, stride: int, width: int) -> None:
        super().__init__()
        self.stride = stride
        self.backbone = backbone_of(backbone, stride)
        channels, side = shapes_of(self.backbone, backbone, size, [stride])[0]
        self.to_token = nn.Linear(channels * side**2, width)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, 2, width) * 0.02)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size), normalised -> (n, 2, width)."""
        token = self.to_token(maps_of(self.backbone, images, [self.stride])[0].permute(0, 2, 3, 1).flatten(1))
        tokens: Tensor = self.drop(
            torch.cat([self.cls_token.expand(token.shape[0], -1, -1), token[:, None]], dim=1) + self.pos_embed
        )
        return tokens


class Transformer(nn.Module):
    """Blocks, and a norm behind them.

    Args:
        width: of a token.
        depth: number of blocks.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(Block(width, HEADS, HEAD, HIDDEN, DROPOUT, DROPOUT, split=True) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        seen: Tensor = self.norm(self.blocks(x))
        return seen


class Look(nn.Module):
    """What a branch's class token takes from itself and the other branch's tokens, in the other's width.

    Args:
        width: of the class token.
        other: of the other branch's tokens.
    """

    def __init__(self, width: int, other: int) -> None:
        super().__init__()
        self.project_in = nn.Linear(width, other)
        self.norm = nn.LayerNorm(other)
        self.attn = CrossAttention(other, HEADS, HEAD, DROPOUT)
        self.project_out = nn.Linear(other, width)

    def forward(self, token: Tensor, others: Tensor) -> Tensor:
        """(n, 1, width) and (n, t, other) -> (n, 1, width)."""
        own = self.norm(self.project_in(token))
        found: Tensor = self.project_out(self.attn(own, torch.cat([own, others], dim=1)))
        return found


class Crossing(nn.Module):
    """Each branch's class token looks at the other branch, the small one's first."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = Look(SMALL, LARGE), Look(LARGE, SMALL)

    def forward(self, small: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (n, t, SMALL) and (n, t, LARGE) -> the same shapes."""
        first, second = small[:, :1], large[:, :1]
        first = first + self.small(first, large[:, 1:])
        second = second + self.large(second, small[:, 1:])
        return torch.cat([first, small[:, 1:]], dim=1), torch.cat([second, large[:, 1:]], dim=1)


class Scale(nn.Module):
    """One step of both branches: their blocks, then their crossings.

    Attributes:
        token_grid: False, as of `Branch`.
    """

    token_grid = False

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = Transformer(SMALL, SMALL_BLOCKS), Transformer(LARGE, LARGE_BLOCKS)
        self.crossings = nn.ModuleList(Crossing() for _ in range(CROSSINGS))

    def forward(self, small: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (n, t, SMALL) and (n, t, LARGE) -> the same shapes."""
        small, large = self.small(small), self.large(large)
        for crossing in self.crossings:
            small, large = crossing(small, large)
        return small, large


class CrossEfficientViT(nn.Module):
    """Two branches of two tokens each: the whole last map, and the whole early one; their logits are added up.

    The names are the released ones: "small" is the branch of the many blocks and of the last map.

    Args:
        outputs: how many logits it has.
        size: side of its input, in pixels.
        backbone, depth: as of `advxai.config.networks.Options`.

    Raises:
        InputError: timm has no such backbone, or it has no such maps.
    """

    def __init__(self, outputs: int, size: int, *, backbone: str, depth: int) -> None:
        super().__init__()
        self.small, self.large = Branch(size, backbone, 32, SMALL), Branch(size, backbone, EARLY, LARGE)
        self.scales = nn.ModuleList(Scale() for _ in range(depth))
        self.small_head = nn.Sequential(nn.LayerNorm(SMALL), nn.Linear(SMALL, outputs))
        self.large_head = nn.Sequential(nn.LayerNorm(LARGE), nn.Linear(LARGE, outputs))
        self.pretrained_cfg = {"classifier": ("small_head.1", "large_head.1")}  # as timm names the heads

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, size, size), normalised -> logits (n, outputs)."""
        large = self.large(images)  # first, so that the last convolution is the deep one
        small = self.small(images)
        for scale in self.scales:
            small, large = scale(small, large)
        logits: Tensor = self.small_head(small[:, 0]) + self.large_head(large[:, 0])
        return logits
