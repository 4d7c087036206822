"""Explainers that ask for attention: what every white box keeps, and what is known by hand.

It imports neither captum nor grad-cam.
"""

import copy
import logging

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.networks import Options
from advxai.detector.attention import seen
from advxai.detector.gradients import Network
from advxai.detector.model import Detector, Preprocessing
from advxai.detector.networks import build as network_of
from advxai.detector.networks.transformer import Block, Encoder
from advxai.saliency import build
from advxai.saliency.relevancy import relevancy
from advxai.saliency.stage import run
from advxai.saliency.whitebox import Batch
from tests.contract import white_checks
from tests.contract.white_checks import one_thread  # noqa: F401
from tests.golden import pictures
from tests.helpers import SIZE, TWO, UNIT, explainer_settings

RELEVANCY, ATTENTION = {"method": "relevancy"}, {"method": "attention"}
ONE = Classes(("Real", "Fake"), output="sigmoid", positive=1)
BACKBONE, SIDE = "mobilenetv3_small_050", 64


@pytest.mark.parametrize("check", white_checks.WHITE, ids=lambda check: check.__name__)
def test_what_every_white_box_keeps_of_relevancy(check, tmp_path):
    check(RELEVANCY, tmp_path)


@pytest.mark.parametrize("check", white_checks.WHITE, ids=lambda check: check.__name__)
def test_what_every_white_box_keeps_of_attention(check, tmp_path):
    if check is white_checks.check_targets:
        for target in ("fake", "real"):
            with pytest.raises(InputError, match="attention is the same whatever class is explained: take the key out"):
                explainer_settings(**ATTENTION, target=target)
    else:
        check(ATTENTION, tmp_path)


def maps_of(module: nn.Module, images: Tensor, targets: list[int], classes: Classes = TWO, **entry) -> np.ndarray:
    network = Network(module.eval(), classes, torch.device("cpu"), 3, lambda _: None)
    generators = [np.random.default_rng(0)] * len(images)
    batch = Batch([str(n) for n in range(len(images))], images, None, torch.tensor(targets), generators, UNIT)
    made = build(explainer_settings(**entry)).maps(network, batch)
    for one, before in zip(made.values, made.unscaled or [], strict=made.unscaled is not None):
        assert (before.low, before.high) == (before.map.min(), before.map.max())
        np.testing.assert_allclose(one * (before.high - before.low), before.map - before.low, atol=1e-6)
    assert (made.unscaled is None) == (entry.get("map") != "released")
    return made.values


class Places(nn.Module):
    """The class token takes the brightness of 4 x 4 places; which places it attends to, their keys say.

    One head of width 1, a query of 1, and no way past the attention: z = gain * sum_i softmax(key)_i bright_i.
    """

    def __init__(self, key: Tensor, gain: float = 1.0) -> None:
        super().__init__()
        self.key, self.gain, self.block = nn.Parameter(key), gain, self.Block()

    class Block(nn.Module):
        num_prefix_tokens = 1

        def __init__(self) -> None:
            super().__init__()
            self.attn_drop = nn.Dropout(0.0)

        def forward(self, x: Tensor, key: Tensor) -> Tensor:
            share = key.expand(len(x), 1, 17, 17).softmax(dim=3) + 0 * x.sum()
            return self.attn_drop(share)[:, 0] @ x

    def forward(self, images: Tensor) -> Tensor:
        bright = nn.functional.avg_pool2d(images.mean(dim=1), SIZE // 4).flatten(1)
        tokens = nn.functional.pad(bright[:, :, None], (0, 0, 1, 0))
        return self.gain * self.block(tokens, self.key)[:, 0]


def keys(*places: int) -> Tensor:
    """The class token attends to these places, and to nothing else as much as a thousandth."""
    found = torch.full((17,), -9.0)
    found[[1 + place for place in places]] = 0.0
    return found


@pytest.mark.parametrize("place", [0, 6, 15])
def test_relevancy_lies_where_the_class_token_looks(place):
    """share of the place times its gradient, which is the place's brightness: the only block's A, of the CLS row."""
    images = torch.full((1, 3, SIZE, SIZE), 0.5)
    found = maps_of(Places(keys(place)), images, [1], ONE, method="relevancy")[0]
    share = 1 / (1 + 16 * np.exp(-9.0))
    cell = SIZE // 4
    row, column = (cell * part + cell // 2 for part in divmod(place, 4))
    assert found[row, column] == pytest.approx(0.5 * share, abs=0.5 * 0.001 + 0.5 * share * 0.15)
    assert found.max() == pytest.approx(0.5 * share, rel=0.13)
    assert divmod(int(found.argmax()), SIZE)[0] // cell == place // 4
    # a place that speaks against the class isn't shown: of -z everything does
    assert not maps_of(Places(keys(place)), images, [0], ONE, method="relevancy").any()


class Averaged(Places):
    """No class token: the head averages what all 16 places have taken."""

    class Block(nn.Module):
        num_prefix_tokens = 0

        def __init__(self) -> None:
            super().__init__()
            self.attn_drop = nn.Dropout(0.0)

        def forward(self, x: Tensor, key: Tensor) -> Tensor:
            return self.attn_drop(key[1:].expand(len(x), 1, 16, 16).softmax(dim=3) + 0 * x.sum())[:, 0] @ x

    def forward(self, images: Tensor) -> Tensor:
        bright = nn.functional.avg_pool2d(images.mean(dim=1), SIZE // 4).flatten(1)
        return self.block(bright[:, :, None], self.key).mean(dim=1)


def test_without_a_class_token_the_rows_that_the_head_reads_are_averaged():
    """Each of 16 rows gives place 9 its share times its gradient, a sixteenth of the brightness; no row has itself."""
    images = torch.full((1, 3, SIZE, SIZE), 0.5)
    network = Network(Averaged(keys(9)).eval(), ONE, torch.device("cpu"), 3, lambda _: None)
    with seen(network) as look:
        found = look(images)
    row = relevancy(found, found.back(found.scores[:, 1]))[0]
    share = 1 / (1 + 15 * np.exp(-9.0))
    assert row[9].item() == pytest.approx(share * 0.5 / 16, rel=1e-4)
    assert row.sum().item() == pytest.approx(0.5 / 16, rel=1e-4)


class Mean(nn.Module):
    """No class token: two blocks on 16 places, and a head on their mean that is as faint as in a BEiT."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.to_tokens = nn.Conv2d(3, 16, SIZE // 4, stride=SIZE // 4)
        self.blocks = nn.Sequential(*(Block(16, 2, 8, 8, 0.0) for _ in range(2)))
        self.head = nn.Linear(16, 1, bias=False)
        self.head.weight.data *= gain

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.blocks(self.to_tokens(images).flatten(2).transpose(1, 2)).mean(dim=1))


def by_doubles(module: nn.Module, images: Tensor) -> Tensor:
    """Rows of R - I over the whole matrix R, in float64, averaged."""
    network = Network(copy.deepcopy(module).double().eval(), ONE, torch.device("cpu"), 3, lambda _: None)
    with seen(network) as look:
        found = look(images.double())
    back = found.back(found.scores[:, 1])
    wanted = []
    for place in range(len(images)):
        added = torch.zeros(16, 16, dtype=torch.float64)
        for attention, gradient in zip(found.attention, back.attention, strict=True):
            block = (gradient[place] * attention[place]).relu().mean(dim=0)
            added = added + block + block @ added
        wanted.append(added.mean(dim=0))
    return torch.stack(wanted)


@pytest.mark.parametrize("gain", [1.0, 1e-6, 1e-12])
def test_what_is_faint_beside_the_share_that_each_token_begins_with_is_kept(gain):
    module, images = Mean(gain).eval(), pictures_of(3)
    wanted = by_doubles(module, images)
    network = Network(module, ONE, torch.device("cpu"), 3, lambda _: None)
    with seen(network) as look:
        found = look(images)
    row = relevancy(found, found.back(found.scores[:, 1]))
    for own, right in zip(row.double(), wanted, strict=True):
        assert right.max() > 0 and np.ptp(right.numpy()) > 0.1 * right.max()
        np.testing.assert_allclose(own, right, rtol=1e-3, atol=1e-5 * right.max().item())
        assert np.corrcoef(own, right)[0, 1] == pytest.approx(1, abs=1e-6)
    assert maps_of(module, images, [1, 1, 1], ONE, method="relevancy").max(axis=(1, 2)).min() > 0


def hybrid(tokens: str) -> nn.Module:
    torch.manual_seed(0)
    made = network_of("efficientnet_vit", 1, SIDE, Options(backbone=BACKBONE, tokens=tokens, depth=2))
    for value in (*made.to_tokens.parameters(), *made.encoder.parameters(), *made.head.parameters()):
        nn.init.normal_(value, std=0.3)
    return made.eval()


class Channels(nn.Module):
    """Four tokens that are channels of a 4 x 4 map, a transformer, and a head on its class token: 16 numbers."""

    def __init__(self, tokens: int = 4) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.to_tokens = nn.Conv2d(3, tokens, SIZE // 4, stride=SIZE // 4)
        self.encoder = Encoder(tokens, 16, 2, heads=2, head=4, hidden=8, grid=False)
        self.head = nn.Linear(16, 1)
        for value in self.encoder.parameters():
            nn.init.normal_(value, std=0.4)
        self.eval()

    def content(self, images: Tensor) -> Tensor:
        return self.to_tokens(images).flatten(2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(self.content(images))[:, 0])


def pictures_of(count: int) -> Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


def enlarged(small: Tensor) -> np.ndarray:
    return nn.functional.interpolate(small[None, None], (SIZE, SIZE), mode="bilinear")[0, 0].numpy()


def test_channels_content_is_what_their_places_add():
    """By autograd from the content on, and zero where nothing of the content is."""
    module, images = Channels(), pictures_of(2)
    found = maps_of(module, images, [1, 0], ONE, method="relevancy")
    for place, sign in ((0, 1), (1, -1)):
        content = module.content(images[place : place + 1]).detach().requires_grad_()
        (sign * module.head(module.encoder(content)[:, 0])).sum().backward()
        wanted = torch.zeros(4, 4)
        for token in range(4):
            for cell in range(16):
                wanted[cell // 4, cell % 4] += max((content.detach() * content.grad)[0, token, cell].item(), 0)
        np.testing.assert_allclose(found[place], enlarged(wanted), atol=1e-5)
        assert wanted.max() > 0.01


def first_token_alone(module: Channels) -> None:
    """The class token takes, of each token, the number of place 6; and nothing but that has a part in z."""
    for value in module.encoder.parameters():
        nn.init.zeros_(value)
    for block in module.encoder.blocks:
        nn.init.ones_(block.norm1.weight)
        block.norm1 = nn.Identity()
    first = module.encoder.blocks[0].attn
    first.qkv.weight.data[16, 6] = 1.0  # value 0 of head 0
    first.proj.weight.data[0, 0] = 1.0
    nn.init.zeros_(module.head.weight)
    module.head.weight.data[0, 0] = 1.0


@pytest.mark.parametrize("count", [4, 16])
def test_places_of_channels_find_the_only_evidence_and_the_released_layout_doesn_t(count):
    """z = the mean over tokens (and the class token) of their number at place 6. As a square the tokens lie wherever
    their numbers have put them; four of them, averaged by 2 x 2, nowhere."""
    module, images = Channels(count), pictures_of(1).abs()
    first_token_alone(module)
    nn.init.constant_(module.to_tokens.weight, 0.01)
    module.to_tokens.weight.data[-1] = 1.0
    with torch.no_grad():
        content, z = module.content(images)[0], module(images)
    assert z.item() - module.head.bias.item() == pytest.approx(content[:, 6].sum().item() / (count + 1), rel=1e-4)
    found = maps_of(module, images, [1], ONE, method="relevancy")[0]
    wanted = torch.zeros(16)
    wanted[6] = content[:, 6].clamp(min=0).sum() / (count + 1)
    np.testing.assert_allclose(found, enlarged(wanted.reshape(4, 4)), rtol=1e-4, atol=1e-7)
    assert [part // (SIZE // 4) for part in divmod(int(found.argmax()), SIZE)] == [1, 2]
    other = maps_of(module, images, [1], ONE, method="relevancy", map="released")[0]
    assert not other.any() if count == 4 else (other[-1, -1] > 0.999 and other[10, 20] < 0.2)


def test_the_released_layout_is_the_class_token_s_row_as_a_square():
    """By matrices: R = I, R += A R, row 0 without the class token; 6 x 6, averaged by 2, enlarged, from 0 to 1."""
    module, images = Channels(36), pictures_of(2)
    found = maps_of(module, images, [1, 1], ONE, method="relevancy", map="released")
    network = Network(module.eval(), ONE, torch.device("cpu"), 3, lambda _: None)
    with seen(network) as look:
        shown = look(images)
    gradients = shown.gradients(shown.scores[:, 1])
    for place in range(2):
        r = np.eye(37)
        for attention, gradient in zip(shown.attention, gradients, strict=True):
            a = np.maximum((gradient[place] * attention[place]).numpy(), 0).mean(axis=0)
            r = r + a @ r
        square = r[0, 1:].reshape(3, 2, 3, 2).mean(axis=(1, 3))
        wanted = enlarged(torch.from_numpy(square).float())
        wanted = (wanted - wanted.min()) / np.ptp(wanted)
        np.testing.assert_allclose(found[place], wanted, atol=1e-3)
        assert (found[place].min(), found[place].max()) == (0, 1)


def explained(module: nn.Module, size: int, **entry) -> list:
    plain = Preprocessing(size, (0.0, 0.0, 0.0), (1 / 255,) * 3)
    detector = Detector(module, plain, classes=ONE, forward_batch=2)
    settings = explainer_settings(**RELEVANCY, **entry, segmentation={"n_segments": 9})
    return list(run(pictures.items(1, 2, 3), pictures.load, detector, settings, 5, 2))


def test_the_hybrid_through_the_stage():
    """Its places' tokens; laid out as released they are refused."""
    for record in explained(hybrid("places"), SIDE):
        assert record["map"].shape == (SIDE, SIDE) and record["map"].min() >= 0 and np.ptp(record["map"]) > 0
        assert np.isnan(record["zero"])
    with pytest.raises(
        InputError, match="explainer relevancy: map: released lays tokens that are channels out as a sq"
    ):
        explained(hybrid("places"), SIDE, map="released")


def test_a_released_map_says_that_it_has_no_places(caplog):
    with caplog.at_level(logging.WARNING):
        first = explained(Channels(36), SIZE)
        assert not caplog.messages
        other = explained(Channels(36), SIZE, map="released")
    assert caplog.messages == [
        "explainer relevancy: `map: released` lays tokens that are channels out as a square: its places mean nothing, "
        "and no part of the face lies behind a place of it"
    ]
    assert (first[0]["map"] != other[0]["map"]).any()


def test_the_hybrid_s_channels_have_the_places_of_the_last_map():
    found = maps_of(hybrid("channels"), torch.rand(1, 3, SIDE, SIDE) * 255, [1], ONE, method="relevancy")[0]
    assert found.shape == (SIDE, SIDE) and np.ptp(found) > 0


class TwoSizes(nn.Module):
    """Attention between 16 places, then between 4."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = (
            white_checks.UniformAttention(), white_checks.UniformAttention(), nn.Linear(4, 2)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(nn.functional.avg_pool2d(x.mean(dim=1, keepdim=True), SIZE // 4).flatten(2).transpose(1, 2))
        return self.head(self.second(x[:, ::4])[:, :, 0])


class SideBySide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = Channels(), Channels()

    def forward(self, x: Tensor) -> Tensor:
        return self.left(x) + self.right(x)


@pytest.mark.parametrize(
    ("module", "entry", "said"),
    [
        (Channels(1), RELEVANCY, "is given one token for all of the image, so no relevancy tells places apart; take g"),
        (TwoSizes(), RELEVANCY, "attention is between 4, 16 tokens, block by block, and not always the same"),
        (SideBySide(), RELEVANCY, "has 2 transformers side by side \\(left.encoder, right.encoder\\)"),
        (Channels(5), {**RELEVANCY, "map": "released"}, "as a square, which 5 aren't: take `map: places`"),
        (white_checks.Net(2), RELEVANCY, "between tokens, as efficientnet_vit, timm's ViTs, a hub's ViT do: it has"),
        (white_checks.Net(2), ATTENTION, "shows no attention that is a map, as efficientnet_ltpa, efficientnet_autoa"),
        (white_checks.Attending(2), {**ATTENTION, "level": 2}, "level: 2 isn't there, for the detector shows 1 atten"),
    ],
)  # fmt: skip
def test_what_can_t_be_explained_is_one_sentence(module, entry, said):
    detector = Detector(module.eval(), UNIT, classes=ONE if isinstance(module, Channels | SideBySide) else TWO)
    with pytest.raises(InputError, match=f"explainer {entry['method']}: .*{said}"):
        list(run(pictures.items(1), pictures.load, detector, explainer_settings(**entry), 0, 1))


class Levels(nn.Module):
    """So many maps, of sides 8, 4 and 2, all of brightness."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.doors = nn.ModuleList(nn.Sequential() for _ in range(count))
        for door in self.doors:
            door.attention_map = nn.Identity()
        self.head = nn.Linear(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        for number, door in enumerate(self.doors):
            door.attention_map(nn.functional.avg_pool2d(x.mean(dim=1), SIZE // 8 * 2**number))
        return self.head(x.mean(dim=(1, 2, 3))[:, None])


def test_levels_are_counted_from_the_first_and_the_second_of_three_is_shown():
    images = pictures_of(2)
    bright = images.mean(dim=1)
    for level, side in ((None, 4), (1, 8), (2, 4), (3, 2)):
        found = maps_of(Levels(3), images, [1, 0], method="attention", level=level)
        small = nn.functional.avg_pool2d(bright, SIZE // side)
        np.testing.assert_allclose(found, np.stack([enlarged(one) for one in small]), atol=1e-6)
    with pytest.raises(InputError, match="level: the detector shows 2 attention maps; say which is meant, 1 to 2"):
        maps_of(Levels(2), images, [1, 0], method="attention")
