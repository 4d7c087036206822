"""What an attention network looks at, block by block: attention maps, their gradients, features by depth.

A network of one's own is seen like timm's: a layer whose child is named `attn_drop`, a dropout perhaps of 0, gives it
the attention (n, heads, t, t) after the softmax, and multiplies what comes back with the values; where it can do all of
that in one piece, it doesn't while its attribute `fused_attn` is False. Its block is the nearest layer, of itself and
those that it is part of, whose class isn't called an attention; it returns (n, t, d), the prefix tokens first, of which
there are `num_prefix_tokens`. Networks of transformers are seen without such a child (the detector is opened with
their "eager" attention): a layer whose class is called an attention returns, second, the same matrix.

Tokens that are no places say so: the part that is given them has an attribute `token_grid`, False, and is given them
first, (n, t, h * w), before it has embedded their positions; a token's numbers are the places of a square map.

Attention that is a map is seen where it passes a child named `attention_map`, an nn.Identity, that is given it as
(n, h, w) or (n, 1, h, w): how much the network takes from each place, of all classes alike.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from advxai.config.networks import WITH_MAPS, WITH_TOKENS
from advxai.detector.gradients import Network
from advxai.detector.layers import Layout, NoLayer, attentions_of, block_of, layout_of, pools

DROP, FUSED, MAP, GRID = "attn_drop", "fused_attn", "attention_map", "token_grid"
Hook = Callable[[nn.Module, Any, Any], None]


@dataclass(eq=False)
class _Watched:
    """An attention (batch, heads, t, t) as the network computed it, the block that it is in, and what that returned."""

    whole: Tensor
    block: str
    output: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Back:
    """A score's gradients, (n, ...) each; 0 where it doesn't hang on something.

    Attributes:
        attention: by attention, (heads, t, t).
        output: (t, d), for what the block of the last attention returns; None: that was no tensor.
        content: (t, h * w), for the content of `Seen.content`; None: there was none.
    """

    attention: tuple[Tensor, ...]
    output: Tensor | None
    content: Tensor | None


@dataclass(frozen=True, eq=False)
class Seen:
    """What one forward has shown.

    Attributes:
        scores: (n, classes), as `Network` gives them, with gradients.
        network: that was asked.
        watched: by attention, in the order in which they were computed, with all rows of the forward.
        given: part whose tokens are no places -> what it was given, with all rows of the forward.
    """

    scores: Tensor
    network: Network
    watched: tuple[_Watched, ...]
    given: Mapping[str, Tensor] = field(default_factory=dict)

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
        return self.back(score).attention

    def back(self, score: Tensor) -> Back:
        """A score's gradients for all that was seen, by one way back; `score`: as of `gradients`."""
        output, content = self.watched[-1].output, next(iter(self.given.values()), None)
        whole = [one.whole for one in self.watched]
        asked = [*whole, *(one for one in (output, content) if one is not None)]
        found = torch.autograd.grad(score.sum(), asked, retain_graph=True, allow_unused=True)
        cut = [
            (torch.zeros_like(one) if gradient is None else gradient)[: len(self.scores)]
            for gradient, one in zip(found, asked, strict=True)
        ]
        rest = cut[len(whole) :]
        return Back(
            tuple(cut[: len(whole)]),
            None if output is None else rest.pop(0),
            None if content is None else rest.pop(0),
        )

    @property
    def content(self) -> Tensor | None:
        """(n, t, h * w): tokens that are no places, before their positions are embedded; None: tokens are places."""
        for tokens in self.given.values():
            return tokens.detach()[: len(self.scores)]
        return None

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
    given: dict[str, Tensor] = {}

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

    def entering(part: str) -> Any:
        def hook(_layer: nn.Module, arguments: tuple[Any, ...]) -> None:
            if arguments and isinstance(arguments[0], Tensor):
                given[part] = arguments[0]

        return hook

    def look(images: Tensor) -> Seen:
        if len(images) > network.batch:
            raise ValueError(f"a forward has {network.batch} rows, and is asked for {len(images)}")
        watched.clear()
        given.clear()
        with torch.enable_grad():
            scores = network(images.detach().requires_grad_())
        found, tokens = tuple(watched), dict(given)
        watched.clear()
        given.clear()
        _require(found, network)
        return Seen(scores, network, found, tokens)

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
        for name, layer in modules.items():
            if getattr(layer, GRID, None) is False:
                opened.callback(layer.register_forward_pre_hook(entering(name)).remove)
        yield look


@contextmanager
def maps_seen(network: Network) -> Iterator[Callable[[Tensor], tuple[Tensor, ...]]]:
    """Watch a network's attention that is a map, without gradients: gives what asks it, normalised images (n, 3, h, w),
    at most `batch` -> (n, h', w') each, in the order in which they are computed.

    Raises:
        NoLayer: from what it gives: the network has no such attention, or what passes is no map.
    """
    found: list[object] = []

    def look(images: Tensor) -> tuple[Tensor, ...]:
        if len(images) > network.batch:
            raise ValueError(f"a forward has {network.batch} rows, and is asked for {len(images)}")
        found.clear()
        with torch.no_grad():
            network(images.detach())
        maps = tuple(_map(one, network)[: len(images)] for one in found)
        found.clear()
        if not maps:
            raise NoLayer(
                f"the detector shows no attention that is a map, as {', '.join(WITH_MAPS)} do; what a network of your "
                "own must do is written in advxai/detector/attention.py"
            )
        return maps

    with ExitStack() as opened:
        for layer in network.layers.modules():
            if isinstance(door := getattr(layer, MAP, None), nn.Module):
                opened.callback(door.register_forward_hook(lambda _layer, _given, map_: found.append(map_)).remove)
        yield look


def _map(passed: object, network: Network) -> Tensor:
    shape = tuple(passed.shape) if isinstance(passed, Tensor) else ()
    if isinstance(passed, Tensor) and shape[:1] == (network.batch,):
        if len(shape) == 3:
            return passed
        if len(shape) == 4 and shape[1] == 1:
            return passed[:, 0]
    said = " x ".join(map(str, shape)) or "no tensor"
    raise NoLayer(f"{said} passes an {MAP} of the detector for {network.batch} images, which is no map of each")


def _is_pair(output: object) -> bool:
    """What transformers' attentions return: the values, and the attention that they were weighted by."""
    return isinstance(output, tuple) and len(output) > 1 and isinstance(output[1], Tensor) and output[1].ndim > 2


def _require(found: tuple[_Watched, ...], network: Network) -> None:
    if not found:
        raise NoLayer(
            f"the detector shows no attention between tokens, as {', '.join(WITH_TOKENS)} do: it has none, or computes "
            "it in one piece; what a network of your own must do to be seen is written in advxai/detector/attention.py"
        )
    for one in found:
        shape = tuple(one.whole.shape)
        if len(shape) != 4 or shape[0] != network.batch or shape[2] != shape[3]:
            said = " x ".join(map(str, shape))
            raise NoLayer(
                f"the attention in {one.block or 'the detector'} is {said} for {network.batch} images and not between "
                "all tokens of each, as in windows; take another explainer for this detector"
            )
