"""What is seen of attention networks, on a small ViT of timm's; and relevancy made of it."""

import copy

import numpy as np
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from advxai.detector.attention import seen
from advxai.detector.gradients import Network
from advxai.detector.layers import NoLayer, chosen, looked_at
from advxai.detector.model import Detector
from advxai.saliency.stage import run
from tests.golden import pictures
from tests.helpers import SIZE, TWO, UNIT, explainer_settings

HEADS, WIDTH, PLACES = 3, 12, 16


@pytest.fixture(scope="module")
def vit() -> VisionTransformer:
    """Two blocks, 16 places and the class token; its weights are large enough for attention that isn't uniform."""
    torch.manual_seed(0)
    made = VisionTransformer(
        img_size=SIZE, patch_size=SIZE // 4, embed_dim=WIDTH, depth=2, num_heads=HEADS, mlp_ratio=2, num_classes=2
    )
    for value in made.parameters():
        nn.init.normal_(value, std=0.5)
    return made.eval()


@pytest.fixture
def network(vit) -> Network:
    return Network(vit, TWO, torch.device("cpu"), 4, lambda rows: None)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.stack([UNIT.normalised(pictures.picture(seed)) for seed in (1, 2, 3)])


def by_hand(vit: VisionTransformer, images: Tensor, added: list[Tensor] | None = None, averaged: bool = False):
    """Logits, attention and features, block by block, from the weights alone; `added`: to the attention; `averaged`:
    the head is given the mean over places and not the class token."""
    x = vit.patch_embed.proj(images).flatten(2).transpose(1, 2)
    x = torch.cat([vit.cls_token.expand(len(x), -1, -1), x], dim=1) + vit.pos_embed
    attention, features = [], []
    for place, block in enumerate(vit.blocks):
        inside = nn.functional.layer_norm(x, (WIDTH,), block.norm1.weight, block.norm1.bias, 1e-6)
        qkv = inside @ block.attn.qkv.weight.T + block.attn.qkv.bias
        q, k, v = (part.reshape(len(x), -1, HEADS, WIDTH // HEADS).transpose(1, 2) for part in qkv.split(WIDTH, dim=2))
        found = (q @ k.transpose(2, 3) / (WIDTH // HEADS) ** 0.5).softmax(dim=3) + (added[place] if added else 0)
        attention.append(found)
        x = x + block.attn.proj((found @ v).transpose(1, 2).reshape(len(x), -1, WIDTH))
        x = x + block.mlp(nn.functional.layer_norm(x, (WIDTH,), block.norm2.weight, block.norm2.bias, 1e-6))
        features.append(x[:, 1:].transpose(1, 2).reshape(len(x), WIDTH, 4, 4))
    x = vit.norm(x)
    return vit.head(x[:, 1:].mean(dim=1) if averaged else x[:, 0]), attention, features


def close(found, wanted, atol: float = 2e-5) -> None:
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), atol=atol)


def test_attention_and_features_are_what_the_weights_say(vit, network, images):
    with seen(network) as look:
        found = look(images)
    scores, attention, features = by_hand(vit, images)
    assert found.blocks == ("blocks.0", "blocks.1")
    close(found.scores, scores)
    for block in range(2):
        assert found.attention[block].shape == (3, HEADS, PLACES + 1, PLACES + 1)
        close(found.attention[block].sum(dim=3), torch.ones(3, HEADS, PLACES + 1), 1e-5)
        close(found.attention[block], attention[block])
        close(found.features[block], features[block], 1e-4)
        assert found.layouts[block].prefix == 1
        assert found.attention[block].std() > 0.02


def score(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.gather(1, targets[:, None])[:, 0]


def test_gradients_of_attention_are_those_of_what_is_added_to_it(vit, network, images):
    """By autograd through the computation by hand, and by differences of single entries."""
    targets = torch.tensor([1, 0, 1])
    with seen(network) as look:
        found = look(images)
    gradients = found.gradients(score(found.scores, targets))
    added = [torch.zeros(3, HEADS, PLACES + 1, PLACES + 1, requires_grad=True) for _ in range(2)]
    wanted = torch.autograd.grad(score(by_hand(vit, images, added)[0], targets).sum(), added)
    for one, other in zip(gradients, wanted, strict=True):
        assert one.abs().max() > 0.01
        close(one, other, 1e-4)
    wide, step = copy.deepcopy(vit).double(), 1e-5
    for block, place in ((0, (1, 2, 5, 3)), (1, (2, 0, 0, 7))):  # of the last block the class token's row alone counts
        answers = []
        for sign in (1, -1):
            moved = [torch.zeros(3, HEADS, PLACES + 1, PLACES + 1).double() for _ in range(2)]
            moved[block][place] = sign * step
            answers.append(score(by_hand(wide, images.double(), moved)[0], targets)[place[0]].item())
        slope = (answers[0] - answers[1]) / (2 * step)
        assert gradients[block][place].item() == pytest.approx(slope, rel=1e-3) and abs(slope) > 1e-4


def test_being_watched_changes_no_score_and_is_over_afterwards(vit, network, images):
    def state() -> list:
        return [
            (name, getattr(layer, "fused_attn", None), len(layer._forward_hooks), layer.training)
            for name, layer in network.named_modules()
        ]

    before, scores = state(), network(images)
    assert any(fused for _, fused, *_ in before)
    with seen(network) as look:
        found = look(images)
        assert not any(fused for _, fused, *_ in state())
        close(found.scores, scores, 1e-6)
    assert state() == before
    assert torch.equal(network(images), scores)
    with pytest.raises(IndexError, match="its own"), seen(network) as look:
        look(images)
        raise IndexError("its own")
    assert state() == before
    with pytest.raises(RuntimeError), seen(network) as look:
        look(images[:, :2])  # the network's own error
    assert state() == before


def test_padded_rows_are_cut_off_and_neighbours_change_no_bit(network, images):
    def all_of(given: Tensor) -> list[Tensor]:
        with seen(network) as look:
            found = look(given)
        return [*found.attention, *found.features, *found.gradients(found.scores[:, 1]), found.scores]

    together, (rows, backwards) = all_of(images), (network.rows, network.backwards)
    assert (rows, backwards) == (3, 3)
    assert all(len(one) == 3 for one in together)
    for one, other in zip(all_of(images[:1]), together, strict=True):  # in the same row of the forward
        assert torch.equal(one[0], other[0])
    with pytest.raises(ValueError, match="4 rows"), seen(network) as look:
        look(torch.zeros(5, 3, SIZE, SIZE))


def test_each_look_has_what_it_has_seen(network, images):
    with seen(network) as look:
        first, second = look(images[:1]), look(images[1:2])
    assert not torch.equal(first.attention[0], second.attention[0])
    close(first.gradients(first.scores[:, 0])[1], -first.gradients(-first.scores[:, 0])[1])


class EagerAttention(nn.Module):
    """Returns its values and the attention, as those of transformers do."""

    def __init__(self, heads: int = 2) -> None:
        super().__init__()
        self.heads, self.qkv = heads, nn.Linear(6, 18)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.qkv(x).split(6, dim=2))
        found = (q @ k.transpose(2, 3)).softmax(dim=3)
        return (found @ v).transpose(1, 2).flatten(2), found


class Wrapped(nn.Module):
    """A block as of transformers: an attention that hands on what another one inside it returns."""

    class AttentionOutside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = EagerAttention()

        def forward(self, x):
            return self.inside(x)

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(6), self.AttentionOutside()

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x + self.attention(self.norm(x))[0],)


class PoolingHead(nn.Module):
    """Pools by attention, as SigLIP does."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.linear = EagerAttention(), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.attention(x)[0].mean(dim=1))


class Hub(nn.Module):
    """One block, run twice."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.embed, self.block, self.head = nn.Conv2d(3, 6, 8, 8), Wrapped(), PoolingHead()

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        for _ in range(2):
            (x,) = self.block(x)
        return self.head(x)


def test_attention_that_a_layer_returns_is_seen_once_each_time_it_is_computed(images):
    net = Network(Hub().eval(), TWO, torch.device("cpu"), 3, lambda rows: None)
    with seen(net) as look:
        found = look(images)
    assert found.blocks == ("block", "block")
    assert [one.shape for one in found.attention] == [(3, 2, 16, 16)] * 2
    assert not torch.equal(found.attention[0], found.attention[1])
    assert not torch.equal(found.features[0], found.features[1]) and found.features[0].shape == (3, 6, 4, 4)
    assert all(one.abs().max() > 0 for one in found.gradients(found.scores[:, 0]))
    close(net.layers.head(found.features[1].flatten(2).transpose(1, 2)), found.scores)


def test_a_block_that_runs_twice_has_no_layer_for_a_cam_and_pooling_isn_t_a_block():
    """The only norms are that block's: no layer is left that would stand for the network's end."""
    net = Network(Hub().eval(), TWO, torch.device("cpu"), 3, lambda rows: None)
    with pytest.raises(NoLayer, match="layers: no norm of the last block, block, gives a map; name layers, `python -m"):
        chosen(net, "last", SIZE)


class Turned(nn.Module):
    """Features of places as tokens."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class WindowAttention(nn.Module):
    """Cuts the places into windows of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.attn_drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unflatten(1, (2, -1)).flatten(0, 1)[:, None]
        x = self.attn_drop((x @ x.transpose(2, 3)).softmax(dim=3)) @ x
        return x[:, 0].unflatten(0, (-1, 2)).flatten(1, 2)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (
            nn.Identity(),
            "shows no attention between tokens, as efficientnet_vit, timm's ViTs, a hub's ViT do: it has none, or",
        ),
        (WindowAttention(), "the attention in the detector is 6 x 1 x 8 x 8 for 3 images and not between all tokens"),
    ],
)
def test_attention_that_can_t_be_shown_is_one_sentence(layer, said, images):
    plain = nn.Sequential(nn.Conv2d(3, 6, 8, 8), nn.Flatten(2), Turned(), layer, nn.Flatten(), nn.Linear(96, 2))
    net = Network(plain.eval(), TWO, torch.device("cpu"), 3, lambda rows: None)
    with pytest.raises(NoLayer, match=said), seen(net) as look:
        look(images)


def test_cam_takes_the_first_norm_of_the_last_block(network):
    (layer,) = chosen(network, "last", SIZE)
    assert layer.name == "blocks.1.norm1" and layer.layout.prefix == 1
    assert [layer.name for layer in chosen(network, "all", SIZE)] == ["patch_embed.proj"]
    assert looked_at(network, SIZE)["norm"].layout == layer.layout


@pytest.mark.parametrize("pooled", ["token", "avg"])
def test_relevancy_is_what_loops_over_the_computation_by_hand_give(vit, pooled):
    """Chefer et al. (2021), rules 5 and 6; where the head reads the mean over places, the mean of their rows."""
    averaged = pooled == "avg"
    vit = copy.deepcopy(vit)
    vit.global_pool = pooled
    detector = Detector(vit, UNIT, classes=TWO, forward_batch=4)
    items = pictures.items(1, 2, 3)
    records = list(run(items, pictures.load, detector, explainer_settings(method="relevancy"), 0, 2))
    for item, record in zip(items, records, strict=True):
        image = UNIT.normalised(pictures.load(item))[None]
        added = [torch.zeros(1, HEADS, PLACES + 1, PLACES + 1, requires_grad=True) for _ in range(2)]
        logits, attention, _ = by_hand(vit, image, added, averaged)
        gradients = torch.autograd.grad(logits[0, record["target"]], added)
        relevancy = np.eye(PLACES + 1)
        for one, gradient in zip(attention, gradients, strict=True):
            heads = [np.maximum((one * gradient)[0, head].detach().numpy(), 0) for head in range(HEADS)]
            relevancy = relevancy + sum(heads) / HEADS @ relevancy
        row = (relevancy - np.eye(PLACES + 1))[1:].mean(axis=0) if averaged else relevancy[0]
        small = torch.from_numpy(row[1:].reshape(1, 1, 4, 4))
        wanted = nn.functional.interpolate(small, (SIZE, SIZE), mode="bilinear")[0, 0].numpy()
        np.testing.assert_allclose(record["map"], wanted, rtol=1e-3, atol=1e-6)
        assert np.ptp(wanted) > 0.001
        assert (record["images"], record["backwards"]) == (1, 1)
