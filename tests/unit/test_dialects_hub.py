"""Folders of transformers: what they say of themselves, and the same answers as the library's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from advxai.common.errors import InputError
from advxai.config.classes import classes_of
from advxai.config.science import Detector as Settings
from advxai.detector import checkpoint
from advxai.detector.attention import seen
from advxai.detector.hub import HubNetwork
from advxai.detector.layers import chosen
from advxai.dialects import hub
from advxai.dialects.labels import meaning, real_of, words
from advxai.dialects.recognise import reading_of
from advxai.run.settings import detector_of, require_said
from advxai.run.weights import said, source_sha256, told

VIT = {
    "model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": 32, "num_hidden_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 64, "image_size": 32, "patch_size": 8,
    "id2label": {"0": "Real", "1": "Fake"},
}  # fmt: skip
PROCESSOR = {
    "image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"height": 32, "width": 32}, "resample": 2,
    "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}  # fmt: skip


def written(folder: Path, config: object = VIT, processor: object = PROCESSOR, weights: bytes | None = b"") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((hub.CONFIG, config), (hub.PREPROCESSOR, processor)):
        if content is not None:
            (folder / name).write_text(json.dumps(content))
    if weights is not None:
        (folder / hub.WEIGHTS).write_bytes(weights)
    return folder


@pytest.mark.parametrize(
    ("label", "is_real"),
    [
        ("Real", True), ("Realism", True), ("REAL_FACE", True), ("human", True), ("Genuine", True), ("bona-fide", True),
        ("realFaces", True), ("Fake", False), ("Deepfake", False), ("Deep Fakes", False), ("artificial", False),
        ("AI-generated", False), ("AIGenerated", False), ("Synthetic image", False), ("Face Swap", False),
        ("LABEL_0", None), ("0", None), ("not real", None), ("real_vs_fake", None), ("Unreal", None), ("cat", None),
        ("fake human", None), ("", None),
    ],
)  # fmt: skip
def test_words_say_what_a_label_means(label, is_real):
    assert meaning(label) is is_real


def test_which_of_two_labels_is_real_never_hangs_on_their_order():
    assert words("AI-Generated_Faces") == ["ai", "generated", "face"]
    for labels, real in ((("Fake", "Real"), "Real"), (("Realism", "Deepfake"), "Realism")):
        assert real_of(labels) == real_of(labels[::-1]) == real
    for labels in (("LABEL_0", "LABEL_1"), ("Real", "genuine"), ("Real",), ("Real", "Fake", "Unsure"), ()):
        assert real_of(labels) is None


def test_what_the_network_sees_is_read(tmp_path):
    found = reading_of(written(tmp_path / "a"))
    assert found.dialect == "transformers ViTForImageClassification" and found.needs == ()
    assert dict(found.detector) == {
        "model": "hub_vit", "classes": ["Real", "Fake"], "real": "Real", "output": "softmax", "input_size": 32,
        "mean": [0.5] * 3, "std": [0.5] * 3, "resize": {"library": "pillow", "interpolation": "bilinear"},
    }  # fmt: skip
    assert found.notes == (
        "the label Real (output 0) is taken for genuine images, Fake for fakes; set detector.real to Fake to turn them "
        "around if that is wrong",
    )


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"do_rescale": False}, {"mean": [0.5 / 255] * 3, "std": [0.5 / 255] * 3}),  # of an input of 0 to 255
        ({"rescale_factor": 1 / 127.5}, {"mean": [0.25] * 3, "std": [0.25] * 3}),
        ({"do_normalize": False}, {"mean": [0.0] * 3, "std": [1.0] * 3}),
        ({"do_normalize": False, "do_rescale": False}, {"mean": [0.0] * 3, "std": [1 / 255] * 3}),
        ({"resample": 3}, {"resize": {"library": "pillow", "interpolation": "bicubic"}}),
        ({"resample": 4}, {"resize": {"library": "pillow", "interpolation": "area"}}),
        ({"size": 48}, {"input_size": 48}),
        ({"size": {"shortest_edge": 48}}, {"input_size": 48}),
        ({"size": {"shortest_edge": 48}, "crop_size": {"height": 40, "width": 40}}, {"input_size": 48}),
        ({"size": 48, "do_center_crop": True, "crop_size": 40}, {"input_size": 40}),
        (
            {"do_flip_channel_order": True, "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3]},
            {"colour": "bgr", "mean": [0.3, 0.2, 0.1], "std": [3.0, 2.0, 1.0]},
        ),
    ],
)  # fmt: skip
def test_preprocessing_becomes_keys_of_the_configuration(tmp_path, changes, seen):
    found = reading_of(written(tmp_path, processor=PROCESSOR | changes)).detector
    for name, value in seen.items():
        assert found[name] == (pytest.approx(value) if name in ("mean", "std") else value)


def test_what_can_not_be_expressed_is_noted(tmp_path):
    def notes(**changes: object) -> str:
        return " | ".join(reading_of(written(tmp_path, processor=PROCESSOR | changes)).notes)

    assert "makes the picture 48 px large and cuts 40 px out" in notes(size=48, do_center_crop=True, crop_size=40)
    assert "makes the picture 256 px large and cuts 224 px out" in notes(size={"shortest_edge": 224}, crop_pct=0.875)
    assert "Pillow's filter Lanczos: bicubic is taken" in notes(resample=1)
    assert "says no filter: bicubic is taken" in notes(resample=None)


def test_a_reported_inversion_is_noted_where_the_labels_are_its(tmp_path):
    labels = {"id2label": {"0": "Realism", "1": "Deepfake"}}
    note = reading_of(written(tmp_path, VIT | labels)).notes[1]
    assert "prithivMLmods/Deep-Fake-Detector-v2-Model" in note and "7 % right as shipped, 92.9 % inverted" in note
    assert note.endswith("set detector.real to Deepfake to turn them around")


def needing(folder: Path, **given: object) -> Settings:
    settings = Settings(checkpoint=str(folder), **given)
    require_said(settings, told(folder), folder)
    return detector_of(settings, told(folder), folder)


@pytest.mark.parametrize(
    "labels",
    [{"0": "LABEL_0", "1": "LABEL_1"}, {"0": "Real", "1": "Fake", "2": "Unsure"}, {"0": "cat", "1": "dog"}, None],
)
def test_labels_that_do_not_say_which_is_real_must_be_named(tmp_path, labels):
    folder = written(tmp_path, VIT | {"id2label": labels})
    with pytest.raises(InputError, match=r"its labels are .*\): set detector\.real or detector\.classes$"):
        needing(folder)
    names = list(labels.values()) if labels else ["LABEL_0", "LABEL_1"]
    settings = needing(folder, real=names[1])
    classes = classes_of(settings, told(folder), folder)
    assert (classes.names, classes.real) == (tuple(names), 1)
    renamed = ["Fake", "Real", "Third"][: len(names)]
    classes = classes_of(needing(folder, classes=renamed), told(folder), folder)
    assert (classes.names, classes.real_name) == (tuple(renamed), "Real")


def test_a_single_output_and_no_preprocessing_leave_more_open(tmp_path):
    folder = written(tmp_path, VIT | {"id2label": {"0": "fake"}}, None)
    with pytest.raises(InputError, match=r"set detector\.mean, .*std, .*classes, .*output, detector\.positive$"):
        needing(folder)


def test_the_user_turns_labels_around(tmp_path):
    folder = written(tmp_path)
    assert classes_of(needing(folder), told(folder), folder).real_name == "Real"
    assert classes_of(needing(folder, real="Fake"), told(folder), folder).real_name == "Fake"
    swapped = classes_of(needing(folder, classes=["Fake", "Real"]), told(folder), folder)
    assert swapped.names == ("Fake", "Real") and swapped.real == 1


@pytest.mark.parametrize(
    ("config", "processor", "message"),
    [
        (VIT | {"auto_map": {"AutoModel": "x.Y"}}, PROCESSOR, r"config\.json asks for code of the folder's own"),
        (VIT, PROCESSOR | {"auto_map": {"A": "x.Y"}}, r"preprocessor_config\.json asks for code"),
        (VIT | {"architectures": ["ViTModel"]}, PROCESSOR, "is of ViTModel, which is no classifier of images"),
        (VIT | {"architectures": None}, PROCESSOR, "says no architectures"),
        (VIT | {"model_type": "../x"}, PROCESSOR, "says no model_type"),
        (VIT | {"quantization_config": {"bits": 4}}, PROCESSOR, "quantised weights"),
        (VIT | {"problem_type": "multi_label_classification"}, PROCESSOR, "a sigmoid for each of several labels"),
        (VIT | {"id2label": {"1": "a", "2": "b"}}, PROCESSOR, "id2label doesn't count from 0"),
        (VIT | {"id2label": ["Real"]}, PROCESSOR, r"config\.json can't be read"),
        ([], PROCESSOR, r"config\.json can't be read as JSON \(it holds no mapping\)"),
        (VIT, PROCESSOR | {"size": {"height": 32, "width": 64}}, "the input isn't one square"),
        (VIT, PROCESSOR | {"image_mean": [0.5]}, "aren't of three channels"),
        (VIT, PROCESSOR | {"rescale_factor": "x"}, r"preprocessor_config\.json can't be read"),
        (
            VIT | {"model_type": "timm_wrapper"},
            PROCESSOR,
            "takes its network from elsewhere .*: give detector.model the",
        ),
        (VIT | {"a": [{"backbone": "hf-hub:x/y"}]}, PROCESSOR, r"takes its network from elsewhere \(backbone: hf-hub"),
        (VIT | {"num_hidden_layers": 10**9}, PROCESSOR, "says num_hidden_layers: 1000000000, which no detector has"),
        (VIT | {"depths": [2, 10**9]}, PROCESSOR, "which no detector has"),
        (VIT | {"id2label": None, "num_labels": 10**12}, PROCESSOR, "1 to 10000 labels, not 1000000000000"),
        (VIT | {"id2label": None, "num_labels": -5}, PROCESSOR, "1 to 10000 labels, not -5"),
        (VIT | {"id2label": {}}, PROCESSOR, "1 to 10000 labels, not 0"),
        (VIT | {"id2label": {"0": "Real", "1": " Real"}}, PROCESSOR, "has the label Real twice: give each output"),
        (VIT | {"id2label": {"0": "Real", "00": "Fake"}}, PROCESSOR, "id2label has a number twice"),
        (
            VIT | {"id2label": {"0": "R\nERROR: x", "1": "Fake"}},
            PROCESSOR,
            r"has the label R\\nERROR: x, where one line",
        ),
        (
            VIT | {"id2label": {"0": "R" * 10**6, "1": "Fake"}},
            PROCESSOR,
            "has the label R{80}\\.\\.\\., where one line",
        ),
        (VIT | {"architectures": ["\nx" * 10**6 + "ForImageClassification"]}, PROCESSOR, "says the architecture"),
        (VIT | {"model_type": "a" * 10**6}, PROCESSOR, "says no model_type"),
        (VIT, PROCESSOR | {"size": -3}, "its input would be -3 px large, where 1 to 16384 px were expected"),
        (VIT, PROCESSOR | {"size": 2**70}, "px large, where 1 to 16384"),
        (None, None, r"is a folder without config\.json"),
    ],
)
def test_folders_that_are_not_read_are_refused_in_a_line(tmp_path, config, processor, message):
    with pytest.raises(InputError, match=message) as refused:
        reading_of(written(tmp_path, config, processor))
    assert "\n" not in str(refused.value) and str(tmp_path) in str(refused.value) and len(str(refused.value)) < 800


def test_counts_of_layers_are_bounded_and_sizes_of_them_are_not(tmp_path):
    reading_of(written(tmp_path, VIT | {"stage_out_channels": [2048], "layer_norm_eps": 1e-6, "feature_layer": -2}))


def test_pickled_weights_are_refused_and_shards_are_found(tmp_path):
    folder = written(tmp_path, weights=None)
    with pytest.raises(InputError, match=r"model\.safetensors isn't there"):
        reading_of(folder)
    (folder / "pytorch_model.bin").touch()
    with pytest.raises(InputError, match=r"pytorch_model\.bin is a pickle, .*: get model\.safetensors"):
        reading_of(folder)
    index = folder / hub.INDEX
    index.write_text(json.dumps({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}))
    (folder / "m-1.safetensors").touch()
    with pytest.raises(InputError, match=r"m-2\.safetensors isn't there, but model\.safetensors\.index\.json names it"):
        reading_of(folder)
    (folder / "m-2.safetensors").touch()
    assert [path.name for path in hub.parts(folder)][2:] == [hub.INDEX, "m-1.safetensors", "m-2.safetensors"]
    index.write_text(json.dumps({"weight_map": {"a": "../m.safetensors"}}))
    with pytest.raises(InputError, match="no safetensors file of the folder"):
        reading_of(folder)
    index.write_text(json.dumps({"weight_map": {"a": "x" * 300 + ".safetensors"}}))
    with pytest.raises(InputError, match=r"x{80}\.\.\. isn't there, but"):  # no file's name is that long
        reading_of(folder)


def test_the_hash_is_of_all_that_is_read_and_of_nothing_else(tmp_path):
    folder = written(tmp_path / "a", weights=b"one")
    before = source_sha256(folder)
    (folder / "README.md").write_text("another")
    assert source_sha256(folder) == before == source_sha256(written(tmp_path / "b", weights=b"one"))
    found = {before}
    others = ((VIT, PROCESSOR, b"two"), (VIT | {"x": 1}, PROCESSOR, b"one"), (VIT, None, b"one"))
    for config, processor, weights in others:
        (folder / hub.PREPROCESSOR).unlink(missing_ok=True)
        found.add(source_sha256(written(folder, config, processor, weights)))
    assert len(found) == 4


def test_the_network_of_another_model_is_not_taken(tmp_path):
    folder = written(tmp_path)
    with pytest.raises(InputError, match=r"detector\.model: resnet18 isn't what .* is, which says hub_vit: take"):
        needing(folder, model="resnet18")


def test_without_the_package_a_line_says_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError, match="the package transformers isn't installed here: run `make hub`"):
        checkpoint.load(needing(written(tmp_path)), tmp_path)


# -- with the library -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def library():
    found = pytest.importorskip("transformers", reason="`make hub` installs it")
    found.utils.logging.disable_progress_bar()
    return found


def saved(library, folder: Path, labels: tuple[str, str] = ("Fake", "Real"), **more: object):
    """A tiny ViT with weights that make its answers differ, saved as a hub has it."""
    torch.manual_seed(1)
    config = library.ViTConfig(**VIT | {"id2label": dict(enumerate(labels))})
    network = library.ViTForImageClassification(config).eval()
    for value in network.parameters():
        value.data.normal_(std=0.3)
    network.save_pretrained(folder, **more)
    (folder / hub.PREPROCESSOR).write_text(json.dumps(PROCESSOR))
    return network


IMAGES = torch.rand((3, 3, 32, 32), generator=torch.Generator().manual_seed(2)) * 2 - 1


def wanted(network) -> torch.Tensor:
    with torch.no_grad():
        return network(pixel_values=IMAGES).logits


@pytest.mark.parametrize("labels", [("Fake", "Real"), ("Real", "Fake")])
def test_logits_are_the_library_s_through_the_store_and_back(library, tmp_path, labels):
    network = saved(library, tmp_path / "vit", labels)
    logits = wanted(network)
    assert logits.softmax(dim=1).std(dim=0).min() > 0.01
    settings = needing(tmp_path / "vit")
    classes = classes_of(settings, told(tmp_path / "vit"))
    opened = checkpoint.load(settings, tmp_path / "vit", classes=classes, forward_batch=2)
    assert opened.classes.names == labels and opened.classes.real_name == "Real"
    assert torch.allclose(opened.module(IMAGES), logits, atol=1e-5)
    stored = tmp_path / "store/detector.safetensors"
    checkpoint.save(
        stored, opened.module, model=settings.model, preprocessing=opened.preprocessing, classes=classes, checkpoint="0"
    )
    assert said(stored)["model"] == "hub_vit" and "num_hidden_layers" in said(stored)["hub"]
    for path in (tmp_path / "vit").iterdir():
        path.unlink()  # it isn't needed any more
    again = checkpoint.load(settings, stored, classes=classes, forward_batch=2)
    assert isinstance(again.module, HubNetwork) and torch.allclose(again.module(IMAGES), logits, atol=1e-5)
    assert torch.allclose(again.probabilities(IMAGES), logits.softmax(dim=1), atol=1e-5)
    assert "transformers" in again.backend.packages


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_its_graph_gives_the_same(library, tmp_path, backend):
    logits = wanted(saved(library, tmp_path))
    settings = needing(tmp_path, backend=backend)
    opened = checkpoint.load(settings, tmp_path, classes=classes_of(settings, told(tmp_path)), forward_batch=2)
    assert torch.allclose(opened.probabilities(IMAGES), logits.softmax(dim=1), atol=1e-5)
    assert opened.graph.versions["transformers"] == library.__version__


def test_shards_are_read_and_a_missing_tensor_is_named(library, tmp_path):
    logits = wanted(saved(library, tmp_path, max_shard_size="20KB"))
    assert (tmp_path / hub.INDEX).is_file() and len(hub.weights(tmp_path)) > 2
    settings = needing(tmp_path)
    opened = checkpoint.load(settings, tmp_path, classes=classes_of(settings, told(tmp_path)))
    assert torch.allclose(opened.module(IMAGES), logits, atol=1e-5)
    config = json.loads((tmp_path / hub.CONFIG).read_text())
    (tmp_path / hub.CONFIG).write_text(json.dumps(config | {"num_hidden_layers": 2}))
    with pytest.raises(InputError, match=r"lacks the tensor \S*layer\S*1\."):
        checkpoint.load(settings, tmp_path, classes=opened.classes)


def test_metadata_of_others_build_nothing_strange(library, tmp_path):
    saved(library, tmp_path / "vit")
    settings = needing(tmp_path / "vit")
    classes = classes_of(settings, told(tmp_path / "vit"))
    opened = checkpoint.load(settings, tmp_path / "vit", classes=classes)
    kept, process = tmp_path / "a.safetensors", opened.preprocessing
    elsewhere = json.dumps(VIT | {"model_type": "timm_wrapper", "model_args": {"checkpoint_path": "/etc/passwd"}})
    for text, message in (
        ("{}", "says no model_type"),
        ("[", "can't be read as a detector of transformers"),
        ("[]", "can't be read as a detector of transformers"),
        (json.dumps(VIT | {"model_type": "os_system"}), "can't be read as a detector of transformers"),
        (elsewhere, "takes its network from elsewhere"),
        (json.dumps(VIT | {"auto_map": {"A": "x.Y"}}), "asks for code"),
        (json.dumps(VIT | {"hidden_size": 2**20}), "claims a network of [0-9,]+ numbers, where its weights are"),
    ):
        opened.module.said = {"hub": text}
        checkpoint.save(kept, opened.module, model="hub_vit", preprocessing=process, classes=classes)
        with pytest.raises(InputError, match=rf"a\.safetensors {message}"):
            checkpoint.load(settings, kept, classes=classes)


def test_sizes_that_are_claimed_take_no_memory(library, tmp_path):
    saved(library, tmp_path)
    settings = needing(tmp_path)
    config = json.loads((tmp_path / hub.CONFIG).read_text())
    (tmp_path / hub.CONFIG).write_text(json.dumps(config | {"hidden_size": 2**20, "intermediate_size": 2**20}))
    with pytest.raises(InputError, match="claims a network of [0-9,]{17,} numbers, where its weights are"):
        checkpoint.load(settings, tmp_path, classes=classes_of(settings, told(tmp_path)))


def test_an_architecture_that_needs_another_package_says_which(library, tmp_path, monkeypatch):
    def lacking(*_: object, **__: object) -> None:
        raise ImportError("DinatModel requires the natten library")

    saved(library, tmp_path)
    settings = needing(tmp_path)
    monkeypatch.setattr(library.AutoModelForImageClassification, "from_config", lacking)
    with pytest.raises(
        InputError, match=r"is of vit, for which .* \(DinatModel requires the natten library\): install"
    ):
        checkpoint.load(settings, tmp_path, classes=classes_of(settings, told(tmp_path)))


def test_the_library_is_kept_off_the_network(library):
    code = "import advxai.detector.checkpoint; from huggingface_hub import constants; print(constants.HF_HUB_OFFLINE)"
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout == "True\n"


@pytest.mark.parametrize(
    ("changes", "std", "size"),
    [
        ({"image_processor_type": "EfficientNetImageProcessor"}, 0.25, 32),  # it divides by image_std twice
        ({"image_processor_type": "EfficientNetImageProcessor", "include_top": False}, 0.5, 32),
        ({"image_processor_type": "MobileViTImageProcessor", "do_normalize": None}, 1.0, 32),  # whose default is no
        ({"do_normalize": None}, 0.5, 32),
        ({"image_processor_type": "SomethingElse", "do_normalize": None}, None, 32),  # is asked for
        ({"image_processor_type": "CLIPImageProcessor", "crop_size": {"height": 24, "width": 24}}, 0.5, 24),
        ({"image_processor_type": "LevitImageProcessor"}, 0.5, 32),
    ],
)
def test_what_a_class_does_where_its_file_is_silent(tmp_path, changes, std, size):
    found = reading_of(written(tmp_path / "a", processor={**PROCESSOR, **changes}))
    assert found.detector.get("std") == (None if std is None else [pytest.approx(std)] * 3)
    assert (("std",) in found.needs) == (std is None)
    assert found.detector["input_size"] == size
    cuts = "Levit" in str(changes) or "crop_size" in changes
    assert any("cuts" in note for note in found.notes) == cuts


@pytest.mark.parametrize(
    "labels",
    [("isn't fake", "isn't real"), ("never real", "never fake"), ("fake: false", "real: false"), ("dont_real", "fake")],
)
def test_negated_labels_are_asked_about(labels):
    assert real_of(labels) is None


def test_its_attention_is_seen_and_it_has_a_layer_for_activation_maps(library, tmp_path):
    network = saved(library, tmp_path)
    network.set_attn_implementation("eager")
    with torch.no_grad():
        attentions = network(pixel_values=IMAGES, output_attentions=True).attentions
    settings = needing(tmp_path)
    opened = checkpoint.load(settings, tmp_path, classes=classes_of(settings, told(tmp_path)), forward_batch=4)
    with seen(opened.network()) as look:
        found = look(IMAGES)
    assert len(found.attention) == len(attentions) == VIT["num_hidden_layers"]
    for one, other in zip(found.attention, attentions, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert found.layouts[0].prefix == 1 and found.features[0].shape == (3, 32, 4, 4)
    assert found.gradients(found.scores[:, 0])[0].abs().max() > 0
    (layer,) = chosen(opened.network(), "last", 32)
    assert layer.name.endswith("0.layernorm_before") and layer.layout == found.layouts[0]
