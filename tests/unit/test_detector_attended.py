"""Networks that learn where to look, on a backbone: forward by plain computation, what is seen of them, their files."""

import pytest
import torch
from torch import nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config.networks import Options
from advxai.config.science import Detector as Settings
from advxai.detector.attention import maps_seen
from advxai.detector.build import build_module, head_keys, load_initial
from advxai.detector.checkpoint import load as load_detector
from advxai.detector.gradients import Network
from advxai.detector.layers import NoLayer
from advxai.detector.networks import build
from tests.contract.white_checks import one_thread  # noqa: F401
from tests.helpers import TWO

TWO_OF_ONE = Classes(("Real", "Fake"), output="sigmoid", positive=1)
BACKBONE, SIZE = "mobilenetv3_small_050", 64
NAMES = ("efficientnet_ltpa", "efficientnet_autoatt")


def made(name: str, **others) -> nn.Module:
    torch.manual_seed(0)
    module = build(name, 1, SIZE, Options(**({"backbone": BACKBONE} | others)))
    for key, value in module.named_parameters():
        if key.startswith(("levels", "to_global", "head", "blocks.1.attention")):
            nn.init.normal_(value, std=0.3)
    return module.eval()


@pytest.fixture(scope="module")
def ltpa() -> nn.Module:
    return made("efficientnet_ltpa")


@pytest.fixture(scope="module")
def autoatt() -> nn.Module:
    return made("efficientnet_autoatt")


def pictures(count: int) -> torch.Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def ltpa_by_hand(module: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Logits and attention, place by place, from the weights and the backbone's own forward in steps."""
    body = module.backbone
    x, maps = body.bn1(body.conv_stem(images)), []
    for number, stage in enumerate(body.blocks):
        x = stage(x)
        if number in (1, 3, 5):  # of strides 8, 16 and 32
            maps.append(x)
    whole, attention, pooled = module.to_global(x.mean(dim=(2, 3))), [], []
    for level, one in zip(module.levels, maps, strict=True):
        places = one.flatten(2).transpose(1, 2)
        local = places @ level.to_local.weight[:, :, 0, 0].T + level.to_local.bias
        fit = (local + whole[:, None]) @ level.compatibility.weight[0, :, 0, 0]
        share = fit.exp() / fit.exp().sum(dim=1, keepdim=True)
        attention.append(share.reshape(len(images), *one.shape[2:]))
        pooled.append((share[:, :, None] * local).sum(dim=1))
    return torch.cat(pooled, dim=1) @ module.head.weight.T + module.head.bias, attention


def autoatt_by_hand(module: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    x = module.blocks[0](module.bn1(module.conv_stem(images)))
    for layer in list(module.blocks[1])[:-1]:
        x = layer(x)
    last = module.blocks[1][-1].conv
    found = 1 / (1 + (-(torch.einsum("nchw,c->nhw", x, last.weight[0, :, 0, 0]) + last.bias)).exp())
    x = x * found[:, None]
    for stage in module.blocks[2:]:
        x = stage(x)
    return module.forward_head(x), [found]


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_forward_and_attention_are_what_the_weights_say(name, request):
    module = request.getfixturevalue(name.removeprefix("efficientnet_"))
    wanted, attention = (ltpa_by_hand if name == NAMES[0] else autoatt_by_hand)(module, pictures(3))
    found = module(pictures(3))
    assert torch.allclose(found, wanted, atol=1e-5) and found.std() > 1e-4  # the images differ
    assert torch.allclose(module(pictures(3).flip(0)).flip(0), found, atol=1e-6)  # the row doesn't matter
    with maps_seen(Network(module, TWO, torch.device("cpu"), 4, lambda _: None)) as look:
        shown = look(pictures(3))
    assert [tuple(one.shape[1:]) for one in shown] == [(8, 8), (4, 4), (2, 2)][: len(attention)]
    for one, other in zip(shown, attention, strict=True):
        assert torch.allclose(one, other, atol=1e-6) and one.std() > 1e-4


def test_ltpa_looks_where_the_only_channel_that_counts_is_high():
    """Of two channels w sees the first one: e^2 of e^2 + 15 goes to the place where it is 2."""
    from advxai.detector.networks.ltpa import Level

    level = Level(2, 2).eval()
    level.to_local.weight.data = torch.eye(2)[:, :, None, None]
    level.to_local.bias.data.zero_()
    level.compatibility.weight.data = torch.tensor([1.0, 0.0])[None, :, None, None]
    seen = []
    level.attention_map.register_forward_hook(lambda _layer, _given, found: seen.append(found))
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0, 1, 2], maps[0, 1, 3, 3] = 2.0, 9.0
    pooled = level(maps, torch.tensor([[5.0, -5.0]]))[0]
    share = torch.tensor(2.0).exp() / (torch.tensor(2.0).exp() + 15)
    assert seen[0][0, 0, 1, 2].item() == pytest.approx(share.item(), abs=1e-6)
    assert seen[0].sum().item() == pytest.approx(1, abs=1e-6)
    assert pooled.tolist() == pytest.approx([2 * share.item(), 9 * (1 - share.item()) / 15], abs=1e-5)


def test_a_width_of_its_own():
    module = made("efficientnet_ltpa", width=24)
    assert module.head.in_features == 72 and isinstance(module.to_global, nn.Linear)
    with torch.no_grad():
        assert torch.allclose(module(pictures(2)), ltpa_by_hand(module, pictures(2))[0], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_files_of_weights_plain_and_of_lightning(name, tmp_path, request):
    module = request.getfixturevalue(name.removeprefix("efficientnet_"))
    settings = Settings(model=name, input_size=SIZE, network={"backbone": BACKBONE}, backend="torch", forward_batch=2)
    state = module.state_dict()
    lightning = {"state_dict": {f"model.{key}": value for key, value in state.items()}, "epoch": 3}
    for number, content in enumerate((state, lightning)):
        path = tmp_path / f"{number}.ckpt"
        torch.save(content, path)
        detector = load_detector(settings, path)
        assert detector.classes.positive_name == "Fake" and detector.preprocessing.mean == (0.485, 0.456, 0.406)
        found = detector.probabilities(pictures(2))[:, 1]
        with torch.no_grad():
            assert torch.allclose(found, module(pictures(2))[:, 0].sigmoid(), atol=1e-5)


def test_openvino_computes_attention_alike(ltpa, autoatt):
    from advxai.detector.model import Detector, Preprocessing

    plain = Preprocessing(SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    for module in (ltpa, autoatt):
        wanted, found = (
            Detector(module, plain, classes=TWO_OF_ONE, forward_batch=2, backend=backend).probabilities(pictures(2))
            for backend in ("torch", "openvino")
        )
        assert torch.allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_imagenet_weights_start_all_but_what_was_added(name, tmp_path):
    """By name, and by the order of a file with other names."""
    import timm

    source = timm.create_model(BACKBONE, pretrained=False)
    own, given = made(name), source.state_dict()
    torch.save(given, tmp_path / "named.pth")
    torch.save({f"x{number}.{key.rpartition('.')[2]}": one for number, (key, one) in enumerate(given.items())},
               tmp_path / "ordered.pth")  # fmt: skip
    before = {key: value.clone() for key, value in own.state_dict().items()}
    for file in ("named.pth", "ordered.pth"):
        own.load_state_dict(before)
        load_initial(own, tmp_path / file, BACKBONE)
        state = own.state_dict()
        start = "backbone." if name == NAMES[0] else ""
        assert torch.equal(state[f"{start}blocks.3.0.conv_pw.weight"], given["blocks.3.0.conv_pw.weight"])
        kept = [key for key in state if torch.equal(state[key], before[key]) and "num_batches" not in key]
        assert set(head_keys(own)) <= set(kept)
        assert any("attention" in key or "levels" in key for key in kept)


def test_imagenet_weights_start_icpr_s_networks_too(tmp_path):
    """Their attention, and the norm before the last layer, are known as added; a file needn't have them."""
    import timm

    with torch.device("meta"):
        icpr = build("icpr_autoattst_b4", 1)
    added = [name for name, layer in icpr.named_modules() if getattr(layer, "added", False)]
    assert added == ["blocks.2.attention", "classifier.0"]
    source, own = timm.create_model(BACKBONE, pretrained=False), made("efficientnet_autoatt")
    norm = nn.BatchNorm1d(1024)
    norm.added = True
    own.classifier = nn.Sequential(norm, nn.Linear(1024, 1))
    torch.save(source.state_dict(), tmp_path / "net.pth")
    load_initial(own, tmp_path / "net.pth")
    assert torch.equal(own.conv_head.weight, source.conv_head.weight)


def test_icpr_s_names_fit_autoatt(tmp_path):
    """As of their EfficientNetAutoAttB4; the padding is timm's."""
    from advxai.dialects.renaming import renamed

    settings = Settings(
        model="efficientnet_autoatt",
        dialect="plain",
        backend="torch",
        forward_batch=1,
        input_size=SIZE,
        network={"backbone": "tf_efficientnet_b0"},
    )
    module = build_module(settings, 1).eval()
    state = module.state_dict()
    theirs = {
        "efficientnet.attconv.weight": "blocks.2.attention.conv.weight",
        "efficientnet.attconv.bias": "blocks.2.attention.conv.bias",
        "efficientnet._conv_stem.weight": "conv_stem.weight",
        "efficientnet._blocks.4._project_conv.weight": "blocks.2.1.conv_pwl.weight",
    }
    assert renamed(dict.fromkeys(theirs, (1,)), "tf_efficientnet_b0") == theirs
    left = {name: value for name, value in state.items() if name not in theirs.values()}
    torch.save({name: state[own] for name, own in theirs.items()} | left, tmp_path / "att.pth")
    opened = load_detector(settings, tmp_path / "att.pth")
    assert opened.module is not None
    for name, value in opened.module.state_dict().items():
        assert torch.equal(value, state[name])


def test_what_can_t_be_is_one_sentence():
    with pytest.raises(InputError, match="convnext_atto's stage of stride 8, stages.1, is a ConvNeXtStage, behind whi"):
        build("efficientnet_autoatt", 1, SIZE, Options(backbone="convnext_atto"))
    with pytest.raises(InputError, match="detector.network: vit_tiny_patch16_224 has no map of stride 8"):
        build("efficientnet_ltpa", 1, 224, Options(backbone="vit_tiny_patch16_224"))
    with pytest.raises(ValueError, match="network.tokens: efficientnet_ltpa has no such option"):
        Settings(model="efficientnet_ltpa", network={"tokens": "places"})


class Passing(nn.Module):
    """Lets through what it is told to."""

    def __init__(self, turn) -> None:
        super().__init__()
        self.turn, self.attention_map, self.scale = turn, nn.Identity(), nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.scale * self.attention_map(self.turn(x))).flatten(1)[:, :2]


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (lambda x: x, "2 x 3 x 64 x 64 passes an attention_map of the detector for 2 images, which is no map of each"),
        (lambda x: x[0], "3 x 64 x 64 passes an attention_map"),
    ],
)
def test_what_passes_must_be_a_map(turn, said):
    network = Network(Passing(turn), TWO, torch.device("cpu"), 2, lambda _: None)
    with pytest.raises(NoLayer, match=said), maps_seen(network) as look:
        look(pictures(2))


def test_a_network_without_such_a_map_is_one_sentence():
    plain = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = Network(plain, TWO, torch.device("cpu"), 2, lambda _: None)
    said = "shows no attention that is a map, as efficientnet_ltpa, efficientnet_autoatt, icpr_autoatt_b4, icpr_autoat"
    with pytest.raises(NoLayer, match=said), maps_seen(network) as look:
        look(pictures(1))
