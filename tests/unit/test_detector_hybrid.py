"""Networks of ours that stand on a backbone: the hybrids of a convolutional network and a transformer."""

import pytest
import timm
import torch
from torch import nn

from advxai.common.errors import InputError
from advxai.config import load as configured
from advxai.config.classes import classes_of
from advxai.config.networks import NETWORKS, Options, attention_bytes, options_of
from advxai.config.science import Detector as Settings
from advxai.detector.attention import seen
from advxai.detector.build import build_module, load_initial, preprocessing
from advxai.detector.checkpoint import load as load_detector
from advxai.detector.checkpoint import save
from advxai.detector.frozen import blocks_of, freeze_blocks
from advxai.detector.gradients import Network
from advxai.detector.layers import NoLayer, chosen
from advxai.detector.model import Detector
from advxai.detector.networks import CHOSEN, build
from advxai.detector.networks.backbone import backbone_of
from advxai.detector.networks.efficientnet import FixedPadding
from advxai.explain.opening import open_weights
from advxai.run.paths import Paths
from advxai.run.settings import input_of, resolved
from tests.contract.white_checks import one_thread  # noqa: F401
from tests.helpers import TWO
from tests.unit.test_dialects import CORPUS

BACKBONE, SIZE = "mobilenetv3_small_050", 64


def options(tokens: str, **others) -> Options:
    return Options(**({"backbone": BACKBONE, "tokens": tokens, "depth": 2} | others))


@pytest.fixture(scope="module", params=["channels", "places"])
def module(request) -> nn.Module:
    torch.manual_seed(0)
    made = build("efficientnet_vit", 1, SIZE, options(request.param))
    for value in (*made.to_tokens.parameters(), *made.encoder.parameters()):
        nn.init.normal_(value, std=0.3)
    return made.eval()


def by_hand(module: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The logits from the weights alone, in plain steps, by place or by channel."""
    given = module.backbone.forward_features(images)
    weight, bias = module.to_tokens.weight[:, :, 0, 0], module.to_tokens.bias
    tokens = torch.einsum("kc,nchw->nkhw", weight, given).flatten(2) + bias[:, None]
    if module.by_place:
        tokens = tokens.transpose(1, 2)
    encoder = module.encoder
    x = torch.stack([torch.cat([encoder.cls_token[0], one]) + encoder.pos_embed[0] for one in tokens])
    width = x.shape[2]
    for block in encoder.blocks:
        y = nn.functional.layer_norm(x, (width,), block.norm1.weight, block.norm1.bias)
        q, k, v = (y @ part.T for part in block.attn.qkv.weight.split(512))
        heads = []
        for head in range(8):
            own = slice(64 * head, 64 * head + 64)
            weights = (q[:, :, own] @ k[:, :, own].transpose(1, 2) / 8).softmax(dim=2)
            heads.append(weights @ v[:, :, own])
        x = x + torch.cat(heads, dim=2) @ block.attn.proj.weight.T + block.attn.proj.bias
        y = nn.functional.layer_norm(x, (width,), block.norm2.weight, block.norm2.bias)
        y = nn.functional.gelu(y @ block.mlp[0].weight.T + block.mlp[0].bias)
        x = x + y @ block.mlp[2].weight.T + block.mlp[2].bias
    y = torch.relu(x[:, 0] @ module.head[0].weight.T + module.head[0].bias)
    return y @ module.head[2].weight.T + module.head[2].bias


def pictures(count: int) -> torch.Tensor:
    return 255 * torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def test_the_hybrid_is_what_its_weights_say(module):
    with torch.no_grad():
        found, wanted = module(pictures(3)), by_hand(module, pictures(3))
        assert torch.allclose(found, wanted, atol=1e-5)
        assert found.std() > 1e-3  # the images differ
        # an answer doesn't hang on the row
        turned = module(pictures(3).flip(0)).flip(0)
    assert torch.allclose(found, turned, atol=1e-6)


def test_its_attention_is_seen_and_channels_are_no_places(module):
    network = Network(module, TWO, torch.device("cpu"), 2, lambda rows: None)
    with seen(network) as look:
        found = look(pictures(2))
    tokens = 5 if module.by_place else 1025
    assert [tuple(one.shape) for one in found.attention] == [(2, 8, tokens, tokens)] * 2
    layer = chosen(network, "last", SIZE)[0]
    if module.by_place:
        assert [one.places for one in found.layouts] == [4, 4]
        assert layer.name == "encoder.blocks.1.norm1"
    else:
        assert layer.name == "to_tokens"


def test_options_travel_with_a_file(tmp_path):
    settings = Settings(model="efficientnet_vit", input_size=SIZE, network=options("places"))
    module = build_module(settings, 1)
    path = tmp_path / "hybrid.safetensors"
    classes = classes_of(settings, {})
    process = preprocessing(settings, module)
    save(path, module, model=settings.model, preprocessing=process, classes=classes, about=input_of(settings))
    detector = load_detector(Settings(checkpoint=str(path), model="efficientnet_vit", input_size=SIZE), path)
    assert detector.preprocessing.colour == "bgr" and detector.classes.positive_name == "Fake"
    with pytest.raises(InputError, match="made with tokens places; set detector.network.tokens to it, not to channels"):
        load_detector(settings.model_copy(update={"network": options("channels")}), path)


@pytest.mark.parametrize("model", CHOSEN)
def test_a_file_of_ours_answers_alike_wherever_it_is_taken(model, tmp_path):
    torch.manual_seed(1)
    asked = Options(backbone=BACKBONE, depth=1 if "depth" in NETWORKS[model].options else None)
    settings = Settings(model=model, input_size=SIZE, network=asked)
    module, path = build_module(settings, 1).eval(), tmp_path / "hybrid.safetensors"
    classes = classes_of(settings, {})
    save(
        path, module, model=model, preprocessing=preprocessing(settings, module), classes=classes,
        about=input_of(settings),
    )  # fmt: skip
    with torch.no_grad():
        given = pictures(3) / 255
        wanted = torch.sigmoid(module(preprocessing(settings, module).normalise(given))).flatten()
    # as `explain --detector`, where another detector is configured
    other = Paths(
        configured(dict(CORPUS, detector={"model": "meso4", "input_size": 64, "forward_batch": 3})), planning=True
    )
    opened = [open_weights(other, path, given=True).detector]
    # as a replay, of a case whose configuration names the file; and as a graph, of other rows than it was traced with
    case = configured(resolved(configured(dict(CORPUS, detector={"checkpoint": str(path)}))).model_dump(mode="json"))
    assert (case.detector.network.backbone, case.detector.network.depth) == (BACKBONE, asked.depth)
    for backend in ("torch", "onnxruntime"):
        opened.append(
            load_detector(case.detector.model_copy(update={"backend": backend}), path, forward_batch=3, classes=classes)
        )
    for detector in opened:
        said = detector.probabilities(detector.preprocessing.normalise(given))
        assert said[:, 1].numpy() == pytest.approx(wanted.numpy(), abs=1e-5)


@pytest.mark.parametrize(
    ("said", "batch"),
    [
        ({"model": "efficientnet_vit"}, 8),
        ({"model": "efficientnet_vit", "network": {"depth": 2}}, 8),
        ({"model": "efficientnet_vit", "network": {"tokens": "places"}}, 64),
        ({"model": "efficientnet_vit", "forward_batch": 64}, 64),
        ({"model": "efficient_vit"}, 64),
        ({}, 64),
    ],
)
def test_channels_tokens_have_a_forward_batch_whose_attention_fits(said, batch):
    settings = Settings(**said)
    assert settings.forward_batch == batch and ("forward_batch" in settings.given) == ("forward_batch" in said)
    assert attention_bytes(settings.model, settings.network) == (4 * 8 * 1025**2 if settings.channel_tokens else 0)


@pytest.mark.parametrize(
    ("run", "own", "batch"),
    [
        ({}, 8, 8),  # of the run's detector 64, which nobody has chosen for such a network
        ({"forward_batch": 32}, 32, 8),
        ({"forward_batch": 3}, 3, 3),
        ({"model": "efficientnet_vit", "network": {"depth": 1}, "forward_batch": 16}, 16, 16),
    ],
)
def test_a_file_with_channels_tokens_brings_its_forward_batch(run, own, batch, tmp_path):
    path, asked = tmp_path / "hybrid.safetensors", Options(backbone=BACKBONE, depth=1)
    settings = Settings(model="efficientnet_vit", input_size=SIZE, network=asked)
    module = build_module(settings, 1)
    save(
        path, module, model=settings.model, preprocessing=preprocessing(settings, module),
        classes=classes_of(settings, {}), about=input_of(settings),
    )  # fmt: skip
    given = {name: value for name, value in run.items() if name == "forward_batch"}
    of_the_run = resolved(configured(dict(CORPUS, detector={"checkpoint": str(path), **given}))).detector
    assert (of_the_run.forward_batch, of_the_run.channel_tokens) == (own, True)
    other = Paths(configured(dict(CORPUS, detector=run)), planning=True)
    assert open_weights(other, path, given=True).detector.forward_batch == batch


def test_tokens_of_whole_maps_are_no_places():
    settings = Options(backbone=BACKBONE, depth=1)
    single, cross = (
        Network(build(model, 1, SIZE, settings).eval(), TWO, torch.device("cpu"), 2, lambda rows: None)
        for model in ("efficient_vit", "cross_efficient_vit")
    )
    assert [chosen(one, "last", SIZE)[0].name for one in (single, cross)] == [
        "backbone.blocks.5.0.conv", "small.backbone.blocks.5.0.conv",
    ]  # fmt: skip
    with seen(single) as look:
        found = look(pictures(2))
    assert [tuple(one.shape) for one in found.attention] == [(2, 8, 2, 2)]
    with pytest.raises(
        NoLayer, match=r"encoder\.blocks\.0 of the detector gives 2 x 1024 for an image, which is no map"
    ):
        _ = found.layouts
    with (
        seen(cross) as look,
        pytest.raises(NoLayer, match=r"the attention in scales\.0\.crossings\.0\.small is 2 x 8 x 1 x 2 for 2 images"),
    ):
        look(pictures(2))


def test_what_lies_behind_the_early_map_is_left_out():
    module = build("cross_efficient_vit", 1, SIZE, Options(backbone=BACKBONE, depth=1))
    module.train()(pictures(2)).sum().backward()
    assert [name for name, value in module.large.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize(("stride", "blocks"), [(16, 8), (8, 3)])  # of 11, up to the deepest map of the stride
def test_the_last_blocks_before_the_map_that_is_read_are_trained(stride, blocks):
    module = build("efficientnet_vit", 1, SIZE, options("places", stride=stride, width=16))
    own = blocks_of(module)
    assert len(own) == blocks
    freeze_blocks(module, 3, "it")
    module.train()(pictures(2)).sum().backward()
    trained = [name for name, value in module.named_parameters() if value.requires_grad]
    assert [name for name in trained if module.get_parameter(name).grad is None] == []
    assert [all(value.requires_grad for value in block.parameters()) for block in own[-3:]] == [True] * 3
    assert not any(value.requires_grad for block in own[:-3] for value in block.parameters())
    # of the backbone there is nothing else that is trained but the stem
    assert {name.split(".")[1] for name in trained if name.startswith("backbone")} == {"conv_stem", "bn1", "blocks"}


def test_a_backbone_that_can_t_end_early_is_refused(monkeypatch):
    monkeypatch.delattr(type(backbone_of(BACKBONE)), "prune_intermediate_layers")
    backbone_of(BACKBONE)
    with pytest.raises(InputError, match="mobilenetv3_small_050 can't end at its map of stride 16; set stride to 32"):
        backbone_of(BACKBONE, 16)


def test_every_backbone_starts_from_the_file_of_weights(tmp_path):
    torch.manual_seed(3)
    theirs = timm.create_model(BACKBONE, pretrained=False)  # with its head of a thousand classes
    torch.save(theirs.state_dict(), tmp_path / "imagenet.pth")
    early = {"tokens": "places", "stride": 8, "width": 16}
    for model, parts, others in (
        ("cross_efficient_vit", ("small", "large"), {}),
        ("efficient_vit", ("",), {}),
        ("efficientnet_vit", ("",), early),
    ):
        module = build(model, 1, SIZE, Options(backbone=BACKBONE, depth=1, **others))
        load_initial(module, tmp_path / "imagenet.pth", BACKBONE)
        for part in parts:
            own = module.get_submodule(f"{part}.backbone".strip(".")).state_dict()
            assert own and all(torch.equal(value, theirs.state_dict()[name]) for name, value in own.items())


def test_a_backbone_may_have_other_paddings():
    with torch.device("meta"):
        fixed, timms = backbone_of("efficientnet_pytorch_b1"), backbone_of("tf_efficientnet_b1")
    pads = [layer.padding for layer in fixed.modules() if isinstance(layer, FixedPadding)]
    assert len(pads) == 5 and pads[-1] == (2, 2)  # which timm's pads by the size of its input
    assert list(fixed.state_dict()) == list(timms.state_dict())


def test_options_of_other_networks_are_refused():
    assert options_of("meso4", None) == {}
    with pytest.raises(ValueError, match="network.tokens: meso4 has no such option"):
        Settings(model="meso4", network={"tokens": "places"})
    with pytest.raises(InputError, match="timm has no model 'efficientnetb0'"):
        build("efficientnet_vit", 1, SIZE, options("places", backbone="efficientnetb0"))


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_other_backends_answer_alike_for_any_number_of_images(backend):
    torch.manual_seed(0)
    settings = Settings(model="efficientnet_vit", input_size=SIZE, network=options("places"))
    module = build_module(settings, 1).eval()
    process, classes = preprocessing(settings, module), classes_of(settings, {})
    images = process.normalise(pictures(5) / 255)
    wanted = Detector(module, process, classes=classes, forward_batch=4).probabilities(images)
    found = Detector(module, process, classes=classes, forward_batch=4, backend=backend).probabilities(images)
    assert torch.allclose(found, wanted, atol=1e-5)


def test_options_that_channel_tokens_have_not_are_refused_and_in_no_digest():
    for option, value in (("stride", 16), ("width", 64)):
        for network in ({option: value}, {option: value, "tokens": "channels"}):
            with pytest.raises(ValueError, match=f"network.{option}: is for tokens: places .*take it out"):
                Settings(model="efficientnet_vit", network=network)
        Settings(model="efficientnet_vit", network={option: value}, checkpoint="which says that they are places")
    # a file of ours says all of them
    whole = {"backbone": BACKBONE, "tokens": "channels", "stride": 32, "width": 192, "depth": 2}
    found = Settings(model="efficientnet_vit", network=whole)
    assert options_of(found.model, found.network) == {k: v for k, v in whole.items() if k != "width"}
    assert options_of(found.model, options("places", width=64))["width"] == 64
    with pytest.raises(InputError, match="detector.network.stride: 16 is for tokens: places"):
        build("efficientnet_vit", 1, SIZE, options("channels", stride=16))


@pytest.mark.parametrize("model", ["efficientnet_vit", "efficient_vit", "cross_efficient_vit"])
def test_a_backbone_that_takes_one_size_alone_is_refused(model):
    said = (
        r"^detector\.network\.backbone: vit_tiny_patch16_224 can't take images of 48 px \(.*set detector.input_size to"
    )
    with pytest.raises(InputError, match=said):
        build(model, 1, 48, Options(backbone="vit_tiny_patch16_224"))
