"""Hybrids of an EfficientNet and a vision transformer in the form in which they are released: told, read, and answering
as their authors' networks do (written anew in plain steps, on efficientnet_pytorch's own network)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config import load as configured
from advxai.config.dialects import DIALECTS
from advxai.config.science import Detector as Settings
from advxai.detector.build import build_module
from advxai.detector.fitting import fill
from advxai.dialects.outline import Outline, Shaped
from advxai.dialects.reading import Reading
from advxai.dialects.recognise import told_by
from advxai.dialects.renaming import renamed
from advxai.explain.opening import open_weights
from advxai.run.paths import Paths
from advxai.run.settings import detector_of
from tests.contract.white_checks import one_thread  # noqa: F401
from tests.unit import hybrids_of_others as theirs
from tests.unit.hybrids_of_others import Files, State
from tests.unit.networks_of_others import images
from tests.unit.test_dialects import BLOCKS, CORPUS, package

FILE = Path("hybrid.pth")
CLOSE = 1e-5
FORMS = {
    "noame": ("noame12 EfficientNet-ViT", "efficientnet_vit"),
    "coccomini": ("Coccomini Efficient ViT", "efficient_vit"),
    "cross": ("Coccomini Cross Efficient ViT", "cross_efficient_vit"),
}


@pytest.fixture(scope="module")
def files() -> Files:
    return Files()


@pytest.fixture(scope="module")
def given(files) -> tuple[Tensor, Tensor, Tensor]:
    """Three images blue first, and their maps in efficientnet_pytorch's network: the last, and the early one."""
    found = images(224, 3)
    with torch.no_grad():
        return found, theirs.last_map(files.body, found), theirs.early_map(files.body, found)


@pytest.fixture(scope="module", params=FORMS)
def one(request, files, given) -> tuple[str, State, Tensor]:
    """The form, a file in it, and what its authors' network says of the three images, each asked alone."""
    kind = request.param
    _, last, early = given
    depth = 2 if kind == "noame" else 1
    state: State = getattr(files, kind)(depth)
    maps = (last, early) if kind == "cross" else (last,)
    with torch.no_grad():
        said = torch.stack([getattr(theirs, kind)(state, depth, *(part[row] for part in maps)) for row in range(3)])
    return kind, state, said


def read(state: State, change: Callable[[dict], object] | None = None) -> Reading:
    names = {name: Shaped(tuple(value.shape), "f") for name, value in state.items()}
    if change:
        change(names)
    found = told_by(Outline(names), FILE)
    assert found is not None
    return found


def opened(reading: Reading, state: State) -> nn.Module:
    settings = Settings(**reading.detector)
    module = build_module(settings, 1).eval()
    fill(module, dict(state), FILE, 1, settings.model, reading.dialect)
    return module


def test_a_released_file_is_told_and_answers_as_its_authors_network(one, given):
    kind, state, said = one
    reading = read(state)
    assert (reading.dialect, reading.detector["model"]) == FORMS[kind] and reading.dialect in DIALECTS
    assert reading.detector["network"]["depth"] == (2 if kind == "noame" else 1)
    assert reading.detector["network"]["backbone"] == "tf_efficientnet_b0"
    module = opened(reading, state)
    pictures = given[0].flip(1)  # red first, as everybody hands them to a network here
    with torch.no_grad():
        found = module(pictures)
        others = module(torch.cat([pictures[2:], pictures[:1]]))
        alone = module(pictures[1:2])
    assert float(said.std()) > 0.02  # else they would agree whatever was computed
    assert torch.allclose(found, said, atol=CLOSE)
    # neither its row nor its neighbours change an image's answer
    assert torch.allclose(others, found[[2, 0]], atol=CLOSE / 2)
    assert torch.allclose(alone, found[1:2], atol=CLOSE / 2)


def test_what_the_forms_detectors_see_and_say(one):
    kind, state, _ = one
    reading = read(state)
    config = configured({"detector": dict(reading.detector), "faces": dict(reading.faces), **CORPUS})
    settings, faces = config.detector, config.faces
    assert (settings.input_size, settings.colour, settings.std) == (224, "bgr", (1 / 255,) * 3)
    assert tuple(settings.resizing.model_dump().values()) == ("opencv", "area_or_bicubic", "letterbox")
    assert (settings.video_score, settings.threshold) == ("first_track", 0.55)
    assert settings.forward_batch == (8 if kind == "noame" else 64)
    assert Classes.read(reading.detector).positive_name == "Fake"
    assert (faces.scale, faces.square, faces.edges, faces.several) == (1, True, "clip", "largest")
    said = " ".join(reading.notes)
    assert "RetinaFace's boxes stand in for MTCNN's" in said and "faces.tracks to 3" in said
    assert ("that of row 0" in said) == (kind == "coccomini")
    assert ("lie nowhere" in said) == (kind == "noame")


def test_a_file_itself_is_opened(files, given, tmp_path):
    path = tmp_path / "efficientnetB0_checkpoint89_All"
    state = files.noame(1)
    torch.save({f"module.{name}": value for name, value in state.items()}, path)  # of two GPUs
    other = {"model": "meso4", "forward_batch": 1}  # of which nothing else holds
    opened_as = open_weights(Paths(configured(dict(CORPUS, detector=other)), planning=True), path, given=True)
    detector = opened_as.detector
    with torch.no_grad():
        wanted = torch.sigmoid(theirs.noame(state, 1, given[1][0]))
        found = torch.sigmoid(detector.module(given[0][:1].flip(1)))
    assert torch.allclose(found[0], wanted, atol=CLOSE)
    assert (detector.classes.positive_name, detector.classes.threshold) == ("Fake", 0.55)
    assert opened_as.read_as[0] == (
        f"{path}: read as noame12 EfficientNet-ViT: efficientnet_vit (backbone tf_efficientnet_b0, tokens channels, "
        "depth 1), one output, the probability of Fake, 224 px, mean 0, std .003922, blue first, resized by opencv "
        "(area_or_bicubic, letterbox), a video by first_track; crops: scale 1, edges clip, several largest."
    )


def test_each_channel_token_is_of_all_places(files, given):
    """So its 49 numbers are the map's places, and the token itself lies nowhere."""
    module = opened(read(state := files.noame(1)), state)
    last = given[1][:1].clone()
    with torch.no_grad():
        before = module.to_tokens(last).flatten(2)
        last[:, :, 2, 3] += 1
        moved = (module.to_tokens(last).flatten(2) - before)[0].abs() > 1e-4
    assert moved.sum(dim=0).tolist() == [1024 if place == 2 * 7 + 3 else 0 for place in range(49)]


def test_the_position_embedding_of_a_row_moves_the_released_answer(files, given):
    """Why that of row 0 is taken for all: in the authors' code the same image says something else in each row."""
    state = files.coccomini(1)
    with torch.no_grad():
        rows = torch.stack([theirs.coccomini(state, 1, given[1][0], row) for row in range(4)])
    assert float(rows.std()) > 0.05


# -- without a network


def small(dialect: str, depth: int, size: int = 0) -> dict[str, tuple[int, ...]]:
    """Some names of a file, enough to tell it by."""
    if dialect == "Coccomini Cross Efficient ViT":
        sides = [package(size, f"{one}_image_embedder.efficient_net.", 1000) for one in ("sm", "lg")]
        names = sides[0] | sides[1]
        names |= {f"multi_scale_encoder.layers.{n}.0.norm.weight": (192,) for n in range(depth)}
        return names | {"sm_mlp_head.1.weight": (1, 192), "lg_mlp_head.1.weight": (1, 384)}
    names = package(size, "efficient_net.", 1000) | {"mlp_head.2.weight": (1, 2048)}
    inside = "blocks" if dialect.startswith("noame12") else "layers"
    return names | {f"transformer.{inside}.{n}.x.weight": (1,) for n in range(depth)}


@pytest.mark.parametrize("dialect", [dialect for dialect, _ in FORMS.values()])
@pytest.mark.parametrize(("size", "backbone"), [(0, "tf_efficientnet_b0"), (7, "efficientnet_pytorch_b7")])
def test_depth_and_backbone_are_read_off_the_file(dialect, size, backbone):
    names = small(dialect, 11, size)
    found = told_by(Outline({name: Shaped(shape, "f") for name, shape in names.items()}), FILE)
    assert found.dialect == dialect
    assert (found.detector["network"]["backbone"], found.detector["network"]["depth"]) == (backbone, 11)
    assert any("tf_efficientnet_b7" in note for note in found.notes) == (size == 7)
    new = renamed(names, found.detector["model"])
    assert not any("_fc" in own or "classifier" in own for own in new.values())  # which no answer hangs on
    start = "sm_image_embedder." if "Cross" in dialect else ""
    last = f"{start}efficient_net._blocks.{BLOCKS[size] - 1}._depthwise_conv.weight"
    block = 0 if size == 0 else 3
    assert new[last] == f"{'small.' if start else ''}backbone.blocks.6.{block}.conv_dw.weight"
    if start:
        assert last.replace("sm_", "lg_") not in new  # behind the early map
        assert new["lg_image_embedder.efficient_net._blocks.1._depthwise_conv.weight"].startswith(
            "large.backbone.blocks."
        )


def test_other_outputs_than_documented_are_asked_about():
    names = small("Coccomini Efficient ViT", 6) | {"mlp_head.2.weight": (2, 2048)}
    found = told_by(Outline({name: Shaped(shape, "f") for name, shape in names.items()}), FILE)
    assert "has 1 outputs, this one 2: set detector.classes" in found.notes[-1]


WRONG = [
    ("lacks the tensor encoder.blocks.0.attn.qkv.weight; give a checkpoint of detector.model, or correct that "
     r"\(it was read as noame12 EfficientNet-ViT\)", lambda s: s.pop("transformer.blocks.0.attn.to_qkv.weight")),
    ("to_tokens.weight is 512x1280x1x1, the model's is 1024x1280x1x1",
     lambda s: s.update({"patch_to_embedding.weight": torch.zeros(512, 1, 1280)})),
    ("encoder.pos_embed is 1x1030x49, the model's is 1x1025x49",
     lambda s: s.update(pos_embedding=torch.zeros(1, 1030, 49))),
    ("lacks the tensor backbone.blocks.1.0.conv_dw.weight",
     lambda s: s.pop("efficient_net._blocks.1._depthwise_conv.weight")),
    ("has the tensor decoder.weight, which the model doesn't", lambda s: s.update({"decoder.weight": torch.zeros(1)})),
]  # fmt: skip


def test_what_does_not_fit_is_one_sentence(files):
    whole = files.noame(1)
    module = build_module(Settings(**read(whole).detector), 1)
    for why, change in WRONG:
        state = dict(whole)
        change(state)
        with pytest.raises(InputError, match=rf"^hybrid\.pth: {why}"):
            fill(module, state, FILE, 1, "efficientnet_vit", "noame12 EfficientNet-ViT")
    deep = small("Coccomini Efficient ViT", 70)
    found = told_by(Outline({name: Shaped(shape, "f") for name, shape in deep.items()}), FILE)
    with pytest.raises(ValueError, match="less than or equal to 64"):
        Settings(**found.detector)


@pytest.mark.parametrize("shape", [(), (32,), (0, 1, 1024), (32, 1, 512), (1, 1025, 1024)])
def test_a_position_embedding_of_another_form_is_refused_by_its_shape(shape):
    from advxai.detector.fitting import CONVERTED

    value, own = torch.zeros(shape), torch.zeros(1, 2, 1024)
    assert CONVERTED["efficient_vit"]("encoder.pos_embed", value, own) is value


def test_a_deeper_network_than_any_here_is_told_in_words_of_what_was_read(files, tmp_path):
    reading = read(files.noame(1) | {"transformer.blocks.64.norm1.bias": torch.zeros(1)})
    assert reading.detector["network"]["depth"] == 65
    path = tmp_path / "deep.pth"
    path.touch()
    said = f"{path}, read as noame12 EfficientNet-ViT, is of a network with network.depth 65, which isn't known here"
    with pytest.raises(InputError, match=re.escape(said)):
        detector_of(Settings(), reading.said, path)
