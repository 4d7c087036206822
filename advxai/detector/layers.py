"""Which layers of a detector give maps, how their outputs are laid out as such, and which of them are asked for."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from advxai.common.errors import InputError, named
from advxai.detector.gradients import Network

TOKENS = 4  # linear layers on maps that may follow the last convolution: its own block's
ROWS = 2  # of the forward that looks at all layers: tells rows of images from windows that are cut out of them
NAMED = 4  # so many layers are named in a message
LISTS = "`python -m advxai layers` lists those that can be named"


class NoLayer(InputError):
    """A layer that is asked for isn't there, or gives no map. The sentence doesn't say who asks."""


@dataclass(frozen=True)
class Layout:
    """How a layer's output is a map.

    Attributes:
        order: "channels" of an output (n, d, h, w), "channels last" of (n, h, w, d), "tokens" of (n, t, d), where the
            places stand row by row behind the prefix tokens.
        height, width: places of the map.
        prefix: tokens before the first place, such as the class token.
    """

    order: Literal["channels", "channels last", "tokens"]
    height: int
    width: int
    prefix: int = 0

    @property
    def places(self) -> int:
        return self.height * self.width

    def maps(self, output: Tensor) -> Tensor:
        """A layer's output as maps (n, d, height, width), without the prefix tokens."""
        if self.order == "channels":
            return output
        if self.order == "channels last":
            return output.permute(0, 3, 1, 2)
        places = output[:, self.prefix :].transpose(1, 2)
        return places.reshape(*places.shape[:2], self.height, self.width)

    def output(self, maps: Tensor, before: Tensor) -> Tensor:
        """The layer's output with other maps (n, d, height, width); prefix tokens are those of the output `before`."""
        if self.order == "channels":
            return maps
        if self.order == "channels last":
            return maps.permute(0, 2, 3, 1)
        return torch.cat([before[:, : self.prefix], maps.flatten(2).transpose(1, 2)], dim=1)


@dataclass(frozen=True)
class Layer:
    """A layer as a forward has shown it.

    Attributes:
        name: in the detector's module.
        module: the layer.
        runs: how often it runs in a forward.
        shape: of its last output, without the rows; None: that isn't one tensor.
        layout: how its output is a map; None: it is none.
        reached: the scores' gradient comes to it.
    """

    name: str
    module: nn.Module
    runs: int
    shape: tuple[int, ...] | None
    layout: Layout | None
    reached: bool

    @property
    def fault(self) -> str | None:
        """Why no class activation map can be made of it; None: one can."""
        if self.runs != 1:
            return f"runs {self.runs} times in a forward, so that it has no map of its own"
        if self.layout is None:
            shape = "more than a tensor" if self.shape is None else " x ".join(map(str, self.shape)) or "a number"
            return f"gives {shape} for an image, which is no map"
        if self.layout.places == 1:
            return "gives a map of a single place"
        return None if self.reached else "gets no gradient: the scores don't hang on it, or it is cut off from them"

    @property
    def convolution(self) -> bool:
        return isinstance(self.module, nn.Conv2d)


def looked_at(network: Network, size: int) -> dict[str, Layer]:
    """All layers that run when the detector answers, by name, in the order in which they come to their end.

    One forward of black images and the way back, which aren't counted. Shapes and ways don't hang on the weights.

    Args:
        network: the detector's module.
        size: side of its input, in pixels.
    """
    outputs: dict[str, Any] = {}
    runs: dict[str, int] = {}
    handles = []

    def watch(name: str, layer: nn.Module) -> None:
        def keep(_layer: nn.Module, _given: Any, output: Any) -> None:
            outputs.pop(name, None)  # the order is that of the last run
            outputs[name], runs[name] = output, runs.get(name, 0) + 1

        handles.append(layer.register_forward_hook(keep))

    modules = dict(network.layers.named_modules())
    del modules[""]
    try:
        for name, layer in modules.items():
            watch(name, layer)
        with torch.enable_grad():
            images = torch.zeros((ROWS, 3, size, size), device=network.device, requires_grad=True)
            scores = network.layers(images.contiguous(memory_format=torch.channels_last))
    finally:
        for handle in handles:
            handle.remove()
    ways = [name for name, output in outputs.items() if isinstance(output, Tensor) and output.requires_grad]
    reached: set[str] = set()
    if scores.requires_grad and ways:
        gradients = torch.autograd.grad(scores.sum(), [outputs[name] for name in ways], allow_unused=True)
        reached = {name for name, gradient in zip(ways, gradients, strict=True) if gradient is not None}
    found = {}
    for name, output in outputs.items():
        shape = tuple(output.shape) if isinstance(output, Tensor) else None
        layout = None if shape is None else layout_of(name, network, shape)
        found[name] = Layer(
            name, modules[name], runs[name], None if shape is None else shape[1:], layout, name in reached
        )
    return found


def layout_of(name: str, network: Network, shape: Sequence[int], rows: int = ROWS) -> Layout | None:
    """How an output is a map of a square image, by its shape; None: it isn't one.

    Of (n, a, b, c) the two that are equal are the places; where all three are, channels come first unless timm's
    `output_fmt` says otherwise, as they do of every convolution. (n, t, d) is tokens: before the places stand as many
    as `num_prefix_tokens` of the layer, or of what it is part of, says; where nothing does, those that are too many for
    a square. Where `token_grid` is False there, tokens aren't places.

    Args:
        name: of the layer.
        network: whose layer it is.
        shape: of the output, for `rows` images.
        rows: of the forward.
    """
    layer = network.layers.get_submodule(name)
    if not shape or shape[0] != rows or isinstance(layer, nn.Conv1d):
        return None
    match list(shape[1:]):
        case [first, second, third]:
            if not isinstance(layer, nn.Conv2d):
                last = second != third or _said(name, network, "output_fmt") == "NHWC"
                if first == second and last:
                    return Layout("channels last", first, second)
                if second != third:
                    return None
            return Layout("channels", second, third)
        case [tokens, _]:
            if _said(name, network, "token_grid") is False:  # channels, say
                return None
            surplus = tokens - math.isqrt(tokens) ** 2  # whoever says 1 may not have put it there yet, as CaiT
            for prefix in (_said(name, network, "num_prefix_tokens"), surplus):
                side = math.isqrt(max(tokens - prefix, 0)) if isinstance(prefix, int) else 0
                if side and side**2 == tokens - prefix:
                    return Layout("tokens", side, side, prefix)
    return None


def _said(name: str, network: Network, attribute: str) -> Any:
    """What a layer says of itself, else the nearest that it is part of; None: nothing."""
    for part in (*_upwards(name), ""):
        if (value := getattr(network.layers.get_submodule(part), attribute, None)) is not None:
            return getattr(value, "value", value)  # timm's formats are an Enum
    return None


def _upwards(name: str) -> Iterator[str]:
    """A layer's name and those that it is part of, but for the network itself."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def attentions_of(modules: Mapping[str, nn.Module]) -> list[str]:
    """Names of the layers that are attention between places, by their classes' names, in the order of `modules`.

    A block with one isn't, nor is what pools: its attention is of something else to the places.
    """
    return [name for name, layer in modules.items() if _is_attention(layer) and not pools(name, modules)]


def _is_attention(layer: nn.Module) -> bool:
    kind = type(layer).__name__.lower()
    return ("attention" in kind or "attn" in kind) and not ("pool" in kind or "block" in kind)


def pools(name: str, modules: Mapping[str, nn.Module]) -> bool:
    """Whether a layer, or one that it is part of, pools, by its class's name."""
    return any("pool" in type(modules[part]).__name__.lower() for part in _upwards(name) if part in modules)


def block_of(name: str, modules: Mapping[str, nn.Module]) -> str:
    """The block that an attention is part of: of itself and what it is part of the nearest that isn't called an
    attention, and is run; "": the network."""
    return next((part for part in _upwards(name) if part in modules and _is_block(modules[part])), "")


def _is_block(layer: nn.Module) -> bool:
    return not _is_attention(layer) and not isinstance(layer, nn.ModuleList | nn.ModuleDict)


def chosen(network: Network, wanted: str | Sequence[str], size: int) -> list[Layer]:
    """The layers that `layers` of an explainer asks for.

    `last` is the convolution that comes to its end last, of those with a map of more than one place: squeeze and
    excitation, and a head behind the pooling, convolve single numbers. Where attention follows on it, as in a ViT, it
    is the first norm of the last block, unless its tokens aren't places; a network that goes on with tokens in another
    way, such as an MLP-Mixer, has no default. Where branches are joined behind it, as in a DenseNet, it is the
    convolution of the last branch, which is a part of the features alone. `all` are all convolutions with such a map.
    (Others would add nothing: a map of one place is 0 when it is scaled.) Layers that run more than once in a forward
    have several outputs, so they are never taken.

    Args:
        network: the detector's module.
        wanted: "last", "all", a module's name or several.
        size: side of the detector's input, in pixels.

    Raises:
        NoLayer: there is no such layer, or it gives no map.
    """
    found = looked_at(network, size)
    if not any(layer.reached for layer in found.values()):
        raise NoLayer(
            "layers: none gets a gradient, for the detector's forward cuts its scores off from them (torch.no_grad, "
            "detach or the like): correct it, or take white boxes out"
        )
    if wanted == "last":
        return [last_of(found)]
    if wanted == "all":
        convolutions = convolutions_of(found)
        if not convolutions:
            raise NoLayer(f"layers: the detector has no convolution with a map; name layers, {LISTS}")
        return convolutions
    return [_named(name, found, network) for name in ([wanted] if isinstance(wanted, str) else wanted)]


def convolutions_of(found: Mapping[str, Layer]) -> list[Layer]:
    """Those of the layers that `all` takes."""
    return [layer for layer in found.values() if layer.convolution and layer.fault is None]


def last_of(found: Mapping[str, Layer]) -> Layer:
    """The layer that `last` takes; `found`: of `looked_at`.

    Raises:
        NoLayer: there is none.
    """
    order = list(found)
    convolution = next(reversed(convolutions_of(found)), None)
    modules = {name: layer.module for name, layer in found.items()}
    attention = next(reversed(attentions_of(modules)), None)
    if attention and (convolution is None or order.index(attention) > order.index(convolution.name)):
        block = block_of(attention, modules)
        inside = f"{block}." if block else ""
        norms = (layer for name, layer in found.items() if name.startswith(inside) and _norm_of_tokens(layer))
        if norm := next(norms, None):
            return norm
        # of tokens that lie nowhere the places are those of the map that they are made of
        lies = [getattr(modules.get(part), "token_grid", None) for part in _upwards(attention)]
        if convolution is not None and False in lies:
            return convolution
        raise NoLayer(f"layers: no norm of the last block, {block or attention}, gives a map; name layers, {LISTS}")
    if convolution is None:
        raise NoLayer(f"layers: the detector has no convolution with a map; name layers, {LISTS}")
    after = order[order.index(convolution.name) + 1 :]
    if sum(isinstance(found[name].module, nn.Linear) and found[name].fault is None for name in after) > TOKENS:
        raise NoLayer(
            f"layers: behind the last convolution, {convolution.name}, the detector goes on with tokens, so that it "
            f"says little; name layers, {LISTS}"
        )
    return convolution


def in_words(layers: Sequence[Layer]) -> str:
    """Layers that are taken, and the sizes of their maps: `layer conv_head, 4 x 4`."""
    sizes = [f"{layer.layout.height} x {layer.layout.width}" for layer in layers if layer.layout is not None]
    if len(layers) == 1:
        return f"layer {layers[0].name}, {sizes[0]}"
    if len(layers) <= NAMED:
        return "layers " + "; ".join(f"{one.name}, {size}" for one, size in zip(layers, sizes, strict=True))
    first, last = (f"{layers[place].name}, {sizes[place]}" for place in (0, -1))
    return f"{len(layers)} layers, from {first}, to {last}"


def _norm_of_tokens(layer: Layer) -> bool:
    """Whether it is a norm of tokens, or of places channels last, that can be taken."""
    # LeViT's LinearNorm is a linear layer with a norm behind it
    parts = layer.module.modules()
    is_norm = "norm" in type(layer.module).__name__.lower() and not any(isinstance(one, nn.Linear) for one in parts)
    return is_norm and layer.fault is None and layer.layout is not None and layer.layout.order != "channels"


def _named(name: str, found: Mapping[str, Layer], network: Network) -> Layer:
    if name in found:
        if fault := found[name].fault:
            raise NoLayer(f"layers: {name} {fault}; name another layer, {LISTS}")
        return found[name]
    if name and name in dict(network.layers.named_modules(remove_duplicate=False)):
        raise NoLayer(f"layers: {name} isn't run by itself when the detector answers; name another layer, {LISTS}")
    usable = [one for one, layer in found.items() if layer.fault is None]
    alike = difflib.get_close_matches(name, usable, n=3, cutoff=0.5)
    meant = f" (did you mean {' or '.join(alike)}?)" if alike else ""
    raise NoLayer(f"layers: the detector has no layer {named(name)!r}{meant}; {LISTS}")
