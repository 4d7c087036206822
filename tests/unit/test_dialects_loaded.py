"""A detector's file in a form as others have it, from the configuration that names it to its answers, and files of ours
that were made of it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from advxai.beforehand import check
from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.data import Faces
from advxai.config.networks import NETWORKS
from advxai.config.science import Detector as Settings
from advxai.config.science import Resize
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.detector.networks import build
from advxai.dialects.line import lines
from advxai.dialects.recognise import belong, reading_of, told_by
from advxai.explain.opening import open_weights
from advxai.run.digests.detector import DetectorDigests
from advxai.run.paths import Paths
from advxai.run.settings import about, resolved
from advxai.run.weights import configured_classes, said, told
from tests.unit.test_detector_checkpoint import MODEL, SETTINGS, drawn
from tests.unit.test_dialects import CORPUS, FILE, ICPR, REFUSED, head, meso, outlined, xception

MESONET = Path(__file__).parents[3] / "shared" / "data" / "mesonet"


@pytest.fixture
def half(tmp_path) -> Path:
    """A HongguLiu file of small tensors: recognition goes by names and a few shapes."""
    names = xception("model.", head="last_linear.1")
    small = {
        name: torch.zeros(shape if "linear" in name or "conv1.weight" in name else 1) for name, shape in names.items()
    }
    torch.save(small, tmp_path / "ffpp_c23.pth")
    return tmp_path / "ffpp_c23.pth"


def configured(file: Path, **keys):
    faces = keys.pop("faces", {})
    return load({"detector": {"checkpoint": str(file), **keys}, "faces": faces, "results": str(file.parent), **CORPUS})


def test_the_configuration_takes_what_the_file_is_read_as_and_overrides_part_by_part(half):
    config = resolved(configured(half))
    detector = config.detector
    assert (detector.model, detector.input_size, detector.mean) == ("legacy_xception", 299, (0.5, 0.5, 0.5))
    assert detector.resize == Resize(library="pillow", interpolation="bilinear") and config.faces.edges == "shrink"
    assert configured_classes(detector).names == ("Real", "Fake")
    own = configured(half, input_size=256, classes=["Fake", "Real"], faces={"scale": 1.5})
    config = resolved(own)
    assert (config.detector.input_size, config.faces.scale, config.faces.edges) == (256, 1.5, "shrink")
    digests = DetectorDigests(own)
    assert digests.classes.names == ("Fake", "Real") and digests.classes.fakes == [0]
    text, note = digests.read_lines
    assert text == (
        f"{half}: read as HongguLiu Xception: legacy_xception, 2 classes, fake = 0, 256 px, mean = std = .5, resized "
        "by pillow (bilinear, stretch); crops: scale 1.5, edges shrink, several largest; as the configuration has it: "
        "detector.input_size, detector.classes, faces.scale."
    )
    assert note == "HongguLiu Xception: RetinaFace's largest face stands in for dlib's first."


def test_planning_says_it(half, monkeypatch):
    monkeypatch.setattr("advxai.beforehand._lacking", lambda paths: [])
    notes = check(Paths(configured(half)), "no")
    assert notes[0].startswith(f"{half}: read as HongguLiu Xception: legacy_xception, 2 classes, fake = 1, 299 px")


def test_the_dialect_is_in_the_digest_only_when_it_is_given(half):
    plain = DetectorDigests(configured(half)).detector_params
    assert "dialect" not in plain and plain["model"] == "legacy_xception"
    given = DetectorDigests(configured(half, dialect="FaceForensics++ Xception")).detector_params
    assert given == plain | {"dialect": "FaceForensics++ Xception"}
    none = resolved(configured(half, dialect="plain", model="legacy_xception"))
    assert none.detector.resize is None and none.detector.mean is None and none.faces.edges == "shift"
    with pytest.raises(InputError, match="detector.dialect"):
        configured(half, dialect="somebody's")


def test_code_of_the_user_s_is_given_what_the_user_says(half, tmp_path):
    assert told(half, Settings(model="mine:net")) == {}
    assert told(half, Settings(model="mine:net", dialect="HongguLiu Xception"))["input_size"] == 299
    torch.save({name: torch.zeros(shape) for name, shape in REFUSED[-2][1].items()}, tmp_path / "capsule_best.pth")
    with pytest.raises(InputError, match=r"capsule_best\.pth: is Capsule of DeepfakeBench"):
        resolved(configured(tmp_path / "capsule_best.pth"))
    assert resolved(configured(tmp_path / "capsule_best.pth", model="mine:net")).detector.model == "mine:net"


def test_a_sigmoid_is_said_with_its_positive_class():
    reading = told_by(outlined(ICPR | head("classifier", 1, 1792)), FILE)
    settings = Settings(model="tf_efficientnet_b4", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), colour="bgr")
    text = lines(FILE, reading, settings, Classes.read(reading.detector), (), Faces(**reading.faces))[0]
    assert "one output, the probability of Fake, 224 px, mean .485 .456 .406, std .229 .224 .225, blue first" in text
    assert "crops: scale 1, margins .2 .4 .2 .2, edges clip, several largest." in text


@pytest.mark.skipif(not MESONET.is_dir(), reason="there are no published weights here")
def test_mesonet_s_keras_files_and_deepfakebench_s_meso4_are_told_apart(tmp_path):
    for file in MESONET.glob("*.h5"):
        assert reading_of(file) is None  # a file of Keras, whose network is told by its layers
    torch.save({name: torch.zeros(shape) for name, shape in meso("backbone.").items()}, tmp_path / "meso4_best.pth")
    assert reading_of(tmp_path / "meso4_best.pth").dialect == "DeepfakeBench meso4"
    with pytest.raises(
        InputError, match="as DeepfakeBench meso4, whose network is deepfakebench_meso4, not meso4; set"
    ):
        checkpoint.load(Settings(model="meso4"), tmp_path / "meso4_best.pth")
    with pytest.raises(InputError, match=r"detector\.dialect: .* is neither a file of torch nor safetensors"):
        reading_of(MESONET / "Meso4_DF.h5", "DeepfakeBench meso4")


# -- loading


def test_a_prefix_is_taken_off_whatever_it_is_and_said(tmp_path, caplog):
    state = drawn().state_dict()
    for chain in ("module.net.", "_orig_mod.", "model.backbone.encoder.", "feat_ext.efficientnet."):
        torch.save({f"{chain}{name}": value for name, value in state.items()}, tmp_path / "a.pth")
        with caplog.at_level("INFO"):
            found = checkpoint.load(SETTINGS, tmp_path / "a.pth")
        assert torch.equal(found.module[4].weight, state["4.weight"])
        assert f"the prefix {chain} was taken off" in caplog.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"net.0.weight": torch.zeros(4, 3, 5, 5)},
            r"0\.weight is 4x3x5x5, the model's is 4x3x3x3; .*net\. was taken off",
        ),
        (
            {"net.9.weight": torch.zeros(2)},
            r"has the tensor 9\.weight, which the model doesn't; .*\(net\. was taken off",
        ),
        (
            {"net.4.weight": torch.zeros(2, 16), "net.4.bias": torch.zeros(2)},
            r"a head of 2 classes, not 5; .*net\. was",
        ),
        ({"net.1.running_var": torch.full((4,), float("nan"))}, r"the tensor 1\.running_var holds NaN or infinity"),
        ({"net.1.weight": torch.full((4,), 1e300, dtype=torch.float64)}, r"the tensor 1\.weight holds NaN or infinity"),
        ({"teacher.weight": torch.zeros(2)}, r"has the tensor teacher\.weight, which the model doesn't; .*net\. was"),
    ],
)
def test_what_does_not_fit_after_all_is_one_sentence(tmp_path, change, why):
    state = {f"net.{name}": value for name, value in drawn().state_dict().items()}
    torch.save({"model": state | change}, tmp_path / "a.pth")
    with pytest.raises(InputError, match=rf"^.*a\.pth: .*{why}") as caught:
        checkpoint.load(SETTINGS, tmp_path / "a.pth")
    assert "\n" not in str(caught.value)


def test_a_model_and_a_file_that_don_t_belong_together(half):
    wanted = (
        f"detector.model: {half} is read as HongguLiu Xception, whose network is legacy_xception, not "
        "tf_efficientnet_b4; set it to that, or detector.dialect to plain"
    )
    for reader in (lambda: resolved(configured(half, model="tf_efficientnet_b4")),
                   lambda: checkpoint.load(Settings(model="tf_efficientnet_b4"), half)):  # fmt: skip
        with pytest.raises(InputError) as caught:
            reader()
        assert str(caught.value) == wanted
    with pytest.raises(
        InputError, match=r"lacks the tensor .*or correct that \(it was read as HongguLiu Xception; model\."
    ):
        checkpoint.load(Settings(model="legacy_xception", input_size=64), half)


@pytest.mark.parametrize(
    ("model", "read", "right"),
    [
        ("tf_efficientnet_b4.ns_jft_in1k", "tf_efficientnet_b4", True),
        ("efficientnet_pytorch06_b4", "tf_efficientnet_b4", True),
        ("icpr07_st_b4", "icpr_st_b4", True),
        ("tf_efficientnet_b5", "efficientnet_pytorch_b4", False),
        ("xception", "legacy_xception", True),
        ("resnet34.a1_in1k", "resnet34", True),
        ("resnet50", "resnet34", False),
        ("tf_efficientnetv2_b0", "tf_efficientnet_b0", False),
    ],
)
def test_models_that_can_be_of_a_file(model, read, right):
    assert belong(model, read) == right


@pytest.mark.skipif("deepfakebench_meso4" not in NETWORKS, reason="the network isn't built here yet")
@pytest.mark.parametrize(("prefix", "dialect", "fakes"), [("backbone.", "DeepfakeBench meso4", [1]),
                                                          ("", "MesoNet-Pytorch", [0])])  # fmt: skip
def test_a_file_of_theirs_from_its_names_to_its_answer(tmp_path, prefix, dialect, fakes):
    """The same tensors, by another prefix alone, are another detector: the other output is the fake one."""
    torch.manual_seed(2)
    module, file = build("deepfakebench_meso4", 2, 256).eval(), tmp_path / "meso4_best.pth"
    torch.save({f"{prefix}{name}": value for name, value in module.state_dict().items()}, file)
    detector = {"model": "tf_efficientnet_lite0", "input_size": 64, "mean": [0.1] * 3}  # of which nothing holds
    own = Paths(load(dict(CORPUS, detector=detector)), planning=True)
    opened = open_weights(own, file, given=True)
    said = opened.read_as[0]
    assert said.startswith(f"{file}: read as {dialect}: deepfakebench_meso4, 2 classes, fake = {fakes[0]}, 256 px")
    assert "name the file as detector.checkpoint in a configuration of its own" in opened.read_as[-1]
    # of the configuration's own checkpoint all that it says holds, so that one file has one answer
    turned = {"checkpoint": str(file), "classes": ["Fake", "Real"] if fakes == [1] else ["Real", "Fake"]}
    other = open_weights(Paths(load(dict(CORPUS, detector=turned)), planning=True), file, given=True)
    assert other.detector.classes.fakes != fakes and not any("first output is the fake" in one for one in other.read_as)
    images = torch.rand(2, 3, 256, 256)
    with torch.inference_mode():
        wanted = module(images).softmax(dim=1)
    assert opened.detector.classes.fakes == fakes and opened.detector.preprocessing.mean == (0.5, 0.5, 0.5)
    torch.testing.assert_close(opened.detector.probabilities(images), wanted, atol=1e-5, rtol=0)


# -- files of ours


def test_a_stored_detector_travels_whole(half, tmp_path):
    config = resolved(configured(half, input_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, colour="bgr"))
    known = about(config)
    resize = {"library": "pillow", "interpolation": "bilinear", "fit": "stretch"}
    assert (known["colour"], known["resize"], known["dialect"]) == ("bgr", resize, "HongguLiu Xception")
    path, half_ = tmp_path / "stored.safetensors", (0.5, 0.5, 0.5)
    checkpoint.save(path, drawn(), model=MODEL, preprocessing=Preprocessing(32, half_, half_), about=known)
    assert json.loads(json.dumps(known)).items() <= said(path).items()
    # elsewhere the file alone says it
    again = resolved(configured(path))
    assert (again.detector.colour, again.detector.resize.library) == ("bgr", "pillow")
    assert (again.faces.scale, again.faces.edges) == (1.3, "shrink") and about(again) == json.loads(json.dumps(known))
    assert DetectorDigests(configured(path)).read_lines == []
    with pytest.raises(InputError, match="was made with colour bgr and resize .*; take detector.colour and"):
        checkpoint.load(SETTINGS.model_copy(update={"colour": "rgb"}), path)
    with pytest.raises(
        InputError, match=r"was made with colour bgr and resize \{.*pillow.*\}; take detector.colour and"
    ):
        checkpoint.load(SETTINGS.model_copy(update={"resize": Resize()}), path)
    checkpoint.load(SETTINGS.model_copy(update={"video_score": "mean"}), path)  # which is the run's


def test_what_a_file_of_ours_says_that_can_t_be(tmp_path):
    path = tmp_path / "odd.safetensors"
    save_file(drawn().state_dict(), path, metadata={"advxai": json.dumps({"resize": 3})})
    with pytest.raises(InputError, match=r"odd\.safetensors: its metadata say resize 3, which can't be"):
        checkpoint.load(SETTINGS, path)


def test_a_damaged_header_is_named_wherever_it_is_met(tmp_path):
    path = tmp_path / "odd.safetensors"
    checkpoint.save(path, drawn(), model=MODEL, preprocessing=Preprocessing(32, (0.5,) * 3, (0.5,) * 3))
    path.write_bytes(path.read_bytes()[:-10])
    for reader in (
        said,
        told,
        reading_of,
        lambda file: checkpoint.load(SETTINGS, file),
        lambda file: about(configured(file)),
    ):
        with pytest.raises(
            InputError, match=r"odd\.safetensors can't be read as a weights file \(its tensors are cut off\)"
        ):
            reader(path)


# -- what must not be taken in silence


@pytest.mark.parametrize("outputs", [5, 3])
def test_classes_that_names_don_t_tell_are_asked_for(tmp_path, outputs):
    file = tmp_path / "many.pth"
    torch.save(
        {f"backbone.{name}": value for name, value in build("deepfakebench_meso4", outputs, 256).state_dict().items()},
        file,
    )
    with pytest.raises(
        InputError, match=r"many.pth, read as DeepfakeBench meso4, doesn't say all .*: set detector.classes"
    ):
        resolved(configured(file))
    names = [f"class{number}" for number in range(outputs - 1)]
    assert resolved(configured(file, classes=["Real", *names])).detector.model == "deepfakebench_meso4"


def test_two_networks_in_one_file_are_refused(tmp_path):
    file, state = tmp_path / "gan.pth", build("deepfakebench_meso4", 2, 256).state_dict()
    torch.save({"generator": state, "discriminator": state}, file)
    with pytest.raises(InputError, match="weights under generator and under discriminator"):
        resolved(configured(file))
    # a loss and what an optimiser keeps are none
    torch.save({"model": state, "criterion": {"weight": torch.ones(2)}, "optimizer": {"state": dict(state)}}, file)
    assert resolved(configured(file)).detector.model == "deepfakebench_meso4"


def test_quantised_weights_are_refused(tmp_path):
    file, state = tmp_path / "int8.pth", build("deepfakebench_meso4", 2, 256).state_dict()
    torch.save({f"backbone.{name}": (value * 100).to(torch.int8) for name, value in state.items()}, file)
    with pytest.raises(InputError, match=r"conv1.weight holds whole numbers \(int8\)"):
        checkpoint.load(Settings(), file)
