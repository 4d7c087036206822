"""The transformer of the hybrid networks: blocks with a norm before attention and before the perceptron."""

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Self-attention whose heads have a width of their own.

    Args:
        width: of a token.
        heads: how many.
        head: width of each.
        dropout: behind the last layer.
    """

    def __init__(self, width: int, heads: int, head: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.scale = heads, head**-0.5
        self.qkv = nn.Linear(width, 3 * heads * head, bias=False)
        self.attn_drop = nn.Dropout(0.0)  # where `advxai.detector.attention` sees the matrix
        self.proj = nn.Linear(heads * head, width)
        self.proj_drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        n, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attention: Tensor = self.attn_drop((q @ k.transpose(2, 3) * self.scale).softmax(dim=3))
        given: Tensor = self.proj_drop(self.proj((attention @ v).transpose(1, 2).reshape(n, t, -1)))
        return given


class CrossAttention(nn.Module):
    """Attention that may take from other tokens than it gives to, with a layer for the queries of its own.

    Args:
        width, heads, head, dropout: as of `Attention`; of both kinds of tokens.
    """

    def __init__(self, width: int, heads: int, head: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.scale = heads, head**-0.5
        self.q = nn.Linear(width, heads * head, bias=False)
        self.kv = nn.Linear(width, 2 * heads * head, bias=False)
        self.attn_drop = nn.Dropout(0.0)  # as of `Attention`
        self.proj = nn.Linear(heads * head, width)
        self.proj_drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(n, t, width), and the tokens (n, s, width) that are taken from (None: x itself) -> (n, t, width)."""
        n, t, _ = x.shape
        taken = x if context is None else context
        q = self.q(x).reshape(n, t, self.heads, -1).transpose(1, 2)
        k, v = self.kv(taken).reshape(n, taken.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        attention: Tensor = self.attn_drop((q @ k.transpose(2, 3) * self.scale).softmax(dim=3))
        given: Tensor = self.proj_drop(self.proj((attention @ v).transpose(1, 2).reshape(n, t, -1)))
        return given


class Block(nn.Module):
    """Attention and a perceptron of one hidden layer, each added to what it is given.

    Args:
        width, heads, head, dropout: as of `Attention`.
        hidden: width of the hidden layer.
        inner: dropout of the perceptron, behind both of its layers.
        split: the attention is a `CrossAttention` of the tokens themselves.
    """

    def __init__(
        self, width: int, heads: int, head: int, hidden: int, dropout: float, inner: float = 0.0, split: bool = False
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = (CrossAttention if split else Attention)(width, heads, head, dropout)
        self.norm2 = nn.LayerNorm(width)
        acting = nn.Sequential(nn.GELU(), nn.Dropout(inner))  # in one, so that names don't hang on the dropout
        self.mlp = nn.Sequential(nn.Linear(width, hidden), acting, nn.Linear(hidden, width))
        self.mlp_drop = nn.Dropout(inner)

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, width) -> the same shape."""
        x = x + self.attn(self.norm1(x))
        y: Tensor = self.mlp_drop(self.mlp(self.norm2(x)))
        return x + y


class Encoder(nn.Module):
    """A class token before the tokens, an embedding of the position of each, and blocks.

    Args:
        tokens: how many, without the class token.
        width, heads, head, hidden, dropout: as of `Block`; the tokens are dropped out of as well.
        depth: number of blocks.
        grid: whether the tokens are the places of a square map, row by row.

    Attributes:
        token_grid: `grid`: else nobody may lay the tokens out as a map.
        num_prefix_tokens: 1, the class token.
    """

    num_prefix_tokens = 1

    def __init__(
        self,
        tokens: int,
        width: int,
        depth: int,
        *,
        heads: int = 8,
        head: int = 64,
        hidden: int = 2048,
        dropout: float = 0.15,
        grid: bool,
    ) -> None:
        super().__init__()
        self.token_grid = grid
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, tokens + 1, width) * 0.02)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, head, hidden, dropout) for _ in range(depth)))

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, t, width) -> (n, 1 + t, width), the class token first."""
        rows = tokens.shape[0]  # not len(), which an export for OpenVINO takes for a constant
        x = torch.cat([self.cls_token.expand(rows, -1, -1), tokens], dim=1) + self.pos_embed
        seen: Tensor = self.blocks(self.drop(x))
        return seen
