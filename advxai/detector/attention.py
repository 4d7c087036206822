"""What an attention network looks at, block by block: attention maps, their gradients, features by depth.

A network of one's own is seen like timm's: a layer whose child is named `attn_drop`, a dropout perhaps of 0, gives it
the attention (n, heads, t, t) after the softmax, and multiplies what comes back with the values; where it can do all of
that in one piece, it doesn't while its attribute `fused_attn` is False. Its block is the nearest layer, of itself and
those that it is part of, whose class isn't called an attention; it returns (n, t, d), the prefix tokens first, of which
there are `num_prefix_tokens`. Networks of transformers are seen without such a child (the detector is opened with
their "eager" attention): a layer whose class is called an attention returns, second, the same matrix.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from advxai.detector.gradients import Network
from advxai.detector.layers import Layout, NoLayer, attentions_of, block_of, layout_of, pools

DROP, FUSED = "attn_drop", "fused_attn"
Hook = Callable[[nn.Module, Any, Any], None]


@dataclass(eq=False)
class _Watched:
    """An attention (batch, heads, t, t) as the network computed it, the block that it is in, and what that returned."""

    whole: Tensor
    block: str
    output: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What one forward has shown.

    Attributes:
        scores: (n, classes), as `Network` gives them, with gradients.
        network: that was asked.
        watched: by attention, in the order in which they were computed, with all rows of the forward.
    """

    scores: Tensor
    network: Network
    watched: tuple[_Watched, ...]

    @property
    def blocks(self) -> tuple[str, ...]:
        """By attention, the name of the block that it is in."""
        return tuple(one.block for one in self.watched)

    @property
    def attention(self) -> tuple[Tensor, ...]:
        """(n, heads, t, t) each, without gradients: how much every token (row) takes from every other (column)."""
        return tuple(one.whole.detach()[: len(self.scores)] for one in self.watched)

    def gradients(self, score: Tensor) -> tuple[Tensor, ...]:
        """(n, heads, t, t) each: the gradient of a score for the attention; 0 where it doesn't hang on it.

        Args:
            score: (n,), made of `scores`, one an image; others can be asked for afterwards.
        """
        whole = [one.whole for one in self.watched]
        found = torch.autograd.grad(score.sum(), whole, retain_graph=True, allow_unused=True)
        return tuple(
            (torch.zeros_like(one) if gradient is None else gradient)[: len(self.scores)]
            for gradient, one in zip(found, whole, strict=True)
        )

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """By attention, how the tokens that its block returns are the places of a map.

        Raises:
            NoLayer: they aren't: without the prefix they are no square.
        """
        found = []
        for one in self.watched:
            shape = () if one.output is None else tuple(one.output.shape)
            layout = layout_of(one.block, self.network, shape, self.network.batch)
            if layout is None:
                said = " x ".join(map(str, shape[1:])) or "no tensor"
                raise NoLayer(f"the block {one.block} of the detector gives {said} for an image, which is no map")
            found.append(layout)
        return tuple(found)

    @property
    def features(self) -> tuple[Tensor, ...]:
        """By attention (n, d, h, w): what its block returns, without gradients and without prefix tokens.

        Raises:
            NoLayer: as of `layouts`.
        """
        return tuple(
            layout.maps(one.output.detach()[: len(self.scores)])
            for layout, one in zip(self.layouts, self.watched, strict=True)
            if one.output is not None  # then there were no layouts
        )


@contextmanager
def seen(network: Network) -> Iterator[Callable[[Tensor], Seen]]:
    """Watch a network's attention: gives what asks it, normalised images (n, 3, h, w), at most `batch` -> `Seen`.

    Within it attention isn't computed by fused kernels, which never have the matrix; afterwards, also after an error,
    the network is as it was. What was seen stays. It holds the whole graph of its forward, so let go of it.

    Raises:
        NoLayer: from what it gives: the network has no attention that could be seen, or none between all tokens.
    """
    modules = dict(network.layers.named_modules())
    watched: list[_Watched] = []

    def keep(block: str, whole: object) -> None:
        # one layer may hand on what another one inside it returned
        if isinstance(whole, Tensor) and not any(whole is one.whole for one in watched):
            watched.append(_Watched(whole, block))

    def dropping(block: str) -> Hook:
        return lambda _layer, _given, output: keep(block, output)

    def returning(block: str) -> Hook:
        return lambda _layer, _given, output: keep(block, output[1] if _is_pair(output) else None)

    def leaving(block: str) -> Hook:
        def hook(_layer: nn.Module, _given: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) else output
            for one in watched:
                if one.block == block and one.output is None and isinstance(first, Tensor):
                    one.output = first

        return hook

    def look(images: Tensor) -> Seen:
        if len(images) > network.batch:
            raise ValueError(f"a forward has {network.batch} rows, and is asked for {len(images)}")
        watched.clear()
        with torch.enable_grad():
            scores = network(images.detach().requires_grad_())
        found = tuple(watched)
        watched.clear()
        _require(found, network)
        return Seen(scores, network, found)

    called = set(attentions_of(modules))
    hooks: list[tuple[nn.Module, Hook]] = []
    blocks: dict[str, None] = {}
    with ExitStack() as opened:
        for name, layer in modules.items():
            drop = getattr(layer, DROP, None)
            if not (name in called or (isinstance(drop, nn.Module) and not pools(name, modules))):
                continue
            block = block_of(name, modules)
            blocks[block] = None
            hooks.append((drop, dropping(block)) if isinstance(drop, nn.Module) else (layer, returning(block)))
            if getattr(layer, FUSED, False) is True:
                opened.callback(setattr, layer, FUSED, True)
                setattr(layer, FUSED, False)
        for layer, hook in [*hooks, *((modules[block], leaving(block)) for block in blocks)]:
            opened.callback(layer.register_forward_hook(hook).remove)
        yield look


def _is_pair(output: object) -> bool:
    """What transformers' attentions return: the values, and the attention that they were weighted by."""
    return isinstance(output, tuple) and len(output) > 1 and isinstance(output[1], Tensor) and output[1].ndim > 2


def _require(found: tuple[_Watched, ...], network: Network) -> None:
    if not found:
        raise NoLayer(
            "the detector shows no attention: it has none, or computes it in one piece; what a network of your own "
            "must do to be seen is written in advxai/detector/attention.py"
        )
    for one in found:
        shape = tuple(one.whole.shape)
        if len(shape) != 4 or shape[0] != network.batch or shape[2] != shape[3]:
            said = " x ".join(map(str, shape))
            raise NoLayer(
                f"the attention in {one.block or 'the detector'} is {said} for {network.batch} images and not between "
                "all tokens of each, as in windows; take another explainer for this detector"
            )
