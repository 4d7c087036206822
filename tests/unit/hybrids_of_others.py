"""Hybrids as noame12 and Coccomini et al. have them: files in their form with drawn values, and what their networks
answer, from such a file alone."""

import torch
from efficientnet_pytorch import EfficientNet
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, relu

from tests.unit.networks_of_others import lived_in, package

State = dict[str, Tensor]
MAP, EARLY = 1280 * 7 * 7, 24 * 56 * 56  # numbers of B0's maps at 224 px: the last, and that of stride 4


class Files:
    """Files with drawn values, of one EfficientNet-B0, which costs the most."""

    def __init__(self) -> None:
        self.body = lived_in(package(0, 1000), 224)
        self.draws = torch.Generator().manual_seed(5)

    def draw(self, *shape: int) -> Tensor:
        spread = shape[-1] ** -0.5 if len(shape) == 2 else 0.5
        return spread * torch.randn(shape, generator=self.draws)

    def wide(self, name: str, outputs: int, inputs: int) -> State:
        """A layer of a whole map: too many numbers to draw each."""
        first, second = (torch.randn(side, generator=self.draws) for side in (outputs, inputs))
        return {f"{name}.weight": torch.outer(first, second * inputs**-0.5), f"{name}.bias": self.draw(outputs)}

    def layer(self, name: str, outputs: int, inputs: int, bias: bool = True) -> State:
        return {f"{name}.weight": self.draw(outputs, inputs)} | ({f"{name}.bias": self.draw(outputs)} if bias else {})

    def norm(self, name: str, width: int) -> State:
        return {f"{name}.weight": 1 + self.draw(width) / 4, f"{name}.bias": self.draw(width) / 4}

    def efficient(self, prefix: str = "") -> State:
        return {f"{prefix}efficient_net.{name}": value for name, value in self.body.state_dict().items()}

    def noame(self, depth: int) -> State:
        state = self.efficient() | {"cls_token": self.draw(1, 1, 49), "pos_embedding": self.draw(1, 1025, 49)}
        state |= {
            "patch_to_embedding.weight": self.draw(1024, 1, 1280) / 18,
            "patch_to_embedding.bias": self.draw(1024),
        }
        for block in range(depth):
            own = f"transformer.blocks.{block}"
            state |= self.norm(f"{own}.norm1", 49) | self.norm(f"{own}.norm2", 49)
            state |= self.layer(f"{own}.attn.to_qkv", 1536, 49, False) | self.layer(f"{own}.attn.to_out.0", 49, 512)
            state |= self.layer(f"{own}.mlp.net.0", 2048, 49) | self.layer(f"{own}.mlp.net.3", 49, 2048)
        return state | self.layer("mlp_head.0", 2048, 49) | self.layer("mlp_head.2", 1, 2048)

    def coccomini(self, depth: int) -> State:
        state = self.efficient() | {"cls_token": self.draw(1, 1, 1024), "pos_embedding": self.draw(32, 1, 1024)}
        state |= self.wide("patch_to_embedding", 1024, MAP)
        for block in range(depth):
            state |= self._layers(f"transformer.layers.{block}", 1024, ("to_qkv",), (1536,))
        return state | self.layer("mlp_head.0", 2048, 1024) | self.layer("mlp_head.2", 1, 2048)

    def cross(self, depth: int) -> State:
        state: State = {}
        for branch, width, numbers, places in (("sm", 192, MAP, 1025), ("lg", 384, EARLY, 17)):
            own = f"{branch}_image_embedder."
            state |= self.efficient(own) | self.wide(f"{own}to_patch_embedding.1", width, numbers)
            state |= {f"{own}pos_embedding": self.draw(1, places, width), f"{own}cls_token": self.draw(1, 1, width)}
            state |= self.norm(f"{branch}_mlp_head.0", width) | self.layer(f"{branch}_mlp_head.1", 1, width)
        for scale in range(depth):
            own = f"multi_scale_encoder.layers.{scale}"
            for number, width, blocks in ((0, 192, 2), (1, 384, 3)):
                state |= self.norm(f"{own}.{number}.norm", width)
                for block in range(blocks):
                    name = f"{own}.{number}.layers.{block}"
                    state |= self._layers(name, width, ("to_q", "to_kv"), (512, 1024))
            for look, width, other in [(f"{n}.{i}", *((192, 384), (384, 192))[i]) for n in range(2) for i in range(2)]:
                name = f"{own}.2.layers.{look}"
                state |= self.layer(f"{name}.project_in", other, width) | self.layer(
                    f"{name}.project_out", width, other
                )
                state |= self.norm(f"{name}.fn.norm", other) | self.layer(f"{name}.fn.fn.to_q", 512, other, False)
                state |= self.layer(f"{name}.fn.fn.to_kv", 1024, other, False)
                state |= self.layer(f"{name}.fn.fn.to_out.0", other, 512)
        return state

    def _layers(self, name: str, width: int, parts: tuple[str, ...], outputs: tuple[int, ...]) -> State:
        state = self.norm(f"{name}.0.norm", width) | self.norm(f"{name}.1.norm", width)
        for part, numbers in zip(parts, outputs, strict=True):
            state |= self.layer(f"{name}.0.fn.{part}", numbers, width, False)
        state |= self.layer(f"{name}.0.fn.to_out.0", width, 512)
        return state | self.layer(f"{name}.1.fn.net.0", 2048, width) | self.layer(f"{name}.1.fn.net.3", width, 2048)


# -- what their networks answer, in plain steps
def by(state: State, name: str, x: Tensor) -> Tensor:
    """A linear layer, or a norm of the last axis, by its name."""
    weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
    return layer_norm(x, weight.shape, weight, bias) if weight.ndim == 1 else linear(x, weight, bias)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eight heads of 64 each, side by side; (t, 512) and (s, 512) twice, of one image."""
    heads = [slice(64 * head, 64 * head + 64) for head in range(8)]
    return torch.cat([(q[:, own] @ k[:, own].T / 8).softmax(dim=1) @ v[:, own] for own in heads], dim=1)


def block(state: State, name: str, x: Tensor, parts: tuple[str, str, str, str, str, str]) -> Tensor:
    """One of a transformer: norm, (queries,) keys and values, what leaves; norm, and two layers."""
    first, qkv, out, second, wide, narrow = (f"{name}.{part}" for part in parts)
    y = by(state, first, x)
    taken = [by(state, f"{qkv}{end}", y) for end in ("qkv", "q", "kv") if f"{qkv}{end}.weight" in state]
    x = x + by(state, out, attention(*torch.cat(taken, dim=1).split(512, dim=1)))
    return x + by(state, narrow, gelu(by(state, wide, by(state, second, x))))


NOAME = ("norm1", "attn.to_", "attn.to_out.0", "norm2", "mlp.net.0", "mlp.net.3")
LAYERS = ("0.norm", "0.fn.to_", "0.fn.to_out.0", "1.norm", "1.fn.net.0", "1.fn.net.3")


def last_map(body: EfficientNet, images: Tensor) -> Tensor:
    return body.extract_features(images)


def early_map(body: EfficientNet, images: Tensor) -> Tensor:
    x = body._swish(body._bn0(body._conv_stem(images)))
    for layer in body._blocks[:3]:  # the code leaves its loop behind the block of number 2
        x = layer(x)
    return x


def noame(state: State, depth: int, given: Tensor) -> Tensor:
    """The logit of one image's last map (1280, 7, 7)."""
    row = given.permute(1, 2, 0).reshape(-1)  # place by place, the channels of each
    kernel = state["patch_to_embedding.weight"][:, 0]
    tokens = torch.stack([kernel @ row[1280 * place : 1280 * place + 1280] for place in range(49)], dim=1)
    x = torch.cat([state["cls_token"][0], tokens + state["patch_to_embedding.bias"][:, None]])
    x = x + state["pos_embedding"][0]
    for number in range(depth):
        x = block(state, f"transformer.blocks.{number}", x, NOAME)
    return by(state, "mlp_head.2", relu(by(state, "mlp_head.0", x[0])))


def coccomini(state: State, depth: int, given: Tensor, row: int = 0) -> Tensor:
    """The logit of one image's last map (1280, 7, 7), which is a batch's in this row."""
    token = by(state, "patch_to_embedding", given.permute(1, 2, 0).reshape(1, -1))
    x = torch.cat([state["cls_token"][0], token]) + state["pos_embedding"][row]
    for number in range(depth):
        x = block(state, f"transformer.layers.{number}", x, LAYERS)
    return by(state, "mlp_head.2", relu(by(state, "mlp_head.0", x[0])))


def cross(state: State, depth: int, last: Tensor, early: Tensor) -> Tensor:
    """The logit of one image's maps (1280, 7, 7) and (24, 56, 56)."""
    tokens = {}
    for branch, given in (("sm", last), ("lg", early)):
        own = f"{branch}_image_embedder"
        token = by(state, f"{own}.to_patch_embedding.1", given.permute(1, 2, 0).reshape(1, -1))
        tokens[branch] = torch.cat([state[f"{own}.cls_token"][0], token]) + state[f"{own}.pos_embedding"][0, :2]
    for scale in range(depth):
        own = f"multi_scale_encoder.layers.{scale}"
        for number, branch, blocks in ((0, "sm", 2), (1, "lg", 3)):
            for layer in range(blocks):
                tokens[branch] = block(state, f"{own}.{number}.layers.{layer}", tokens[branch], LAYERS)
            tokens[branch] = by(state, f"{own}.{number}.norm", tokens[branch])
        for crossing in range(2):
            for number, branch, other in ((0, "sm", "lg"), (1, "lg", "sm")):
                name = f"{own}.2.layers.{crossing}.{number}"
                y = by(state, f"{name}.fn.norm", by(state, f"{name}.project_in", tokens[branch][:1]))
                taken = by(state, f"{name}.fn.fn.to_kv", torch.cat([y, tokens[other][1:]])).split(512, dim=1)
                y = by(state, f"{name}.fn.fn.to_out.0", attention(by(state, f"{name}.fn.fn.to_q", y), *taken))
                token = tokens[branch][:1] + by(state, f"{name}.project_out", y)
                tokens[branch] = torch.cat([token, tokens[branch][1:]])
    return sum(by(state, f"{one}_mlp_head.1", by(state, f"{one}_mlp_head.0", tokens[one][0])) for one in ("sm", "lg"))
