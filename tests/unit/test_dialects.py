"""What a detector's file is read as, by its tensors' names and how they were wrapped."""

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
from advxai.config.dialects import DIALECTS, PLAIN
from advxai.config.networks import NETWORKS
from advxai.config.science import Detector as Settings
from advxai.config.science import Resize
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.detector.networks import build
from advxai.dialects.forms import FORMS
from advxai.dialects.line import lines
from advxai.dialects.names import beside, cleaned, fitting
from advxai.dialects.outline import Outline, Shaped
from advxai.dialects.reading import Reading
from advxai.dialects.recognise import belong, reading_of, told_by
from advxai.explain.opening import open_weights
from advxai.run.digests.detector import DetectorDigests
from advxai.run.paths import Paths
from advxai.run.settings import about, resolved
from advxai.run.weights import configured_classes, said, told
from tests.unit.test_detector_checkpoint import MODEL, SETTINGS, drawn

MESONET = Path(__file__).parents[3] / "shared" / "data" / "mesonet"
FILE = Path("detector.pth")
BLOCKS = (16, 23, 23, 26, 32, 39, 45, 55)  # of EfficientNet-B0 to B7, and the channels of their heads
HEADS = (1280, 1280, 1408, 1536, 1792, 2048, 2304, 2560)
STAGES = {4: (2, 4, 4, 6, 6, 8, 2), 7: (4, 7, 7, 10, 10, 13, 4)}
Names = dict[str, tuple[int, ...]]


def package(size: int, prefix: str = "", outputs: int | None = None) -> Names:
    """As efficientnet_pytorch names an EfficientNet, a tensor a block."""
    names = {"_conv_stem.weight": (32, 3, 3, 3), "_bn0.weight": (32,), "_conv_head.weight": (HEADS[size], 320, 1, 1)}
    names |= {f"_blocks.{block}._depthwise_conv.weight": (32, 1, 3, 3) for block in range(BLOCKS[size])}
    if outputs is not None:
        names |= {"_fc.weight": (outputs, HEADS[size]), "_fc.bias": (outputs,)}
    return under(prefix, names)


def timm(size: int, prefix: str = "") -> Names:
    names = {"conv_stem.weight": (64, 3, 3, 3), "conv_head.weight": (HEADS[size], 640, 1, 1)}
    for stage, blocks in enumerate(STAGES[size]):
        names |= {f"blocks.{stage}.{block}.conv_dw.weight": (32, 1, 3, 3) for block in range(blocks)}
    return under(prefix, names)


def xception(prefix: str = "", outputs: int = 2, head: str = "last_linear", channels: int = 3) -> Names:
    names = {"conv1.weight": (32, channels, 3, 3), "block1.rep.0.conv1.weight": (64, 1, 3, 3), "bn4.weight": (2048,)}
    names |= {
        "conv4.pointwise.weight": (2048, 1536, 1, 1),
        f"{head}.weight": (outputs, 2048),
        f"{head}.bias": (outputs,),
    }
    return under(prefix, names)


def meso(prefix: str = "", outputs: int = 2) -> Names:
    names = {"conv1.weight": (8, 3, 3, 3), "conv2.weight": (8, 8, 5, 5), "conv4.weight": (16, 16, 5, 5)}
    names |= {"bn1.weight": (8,), "bn2.weight": (16,), "fc1.weight": (16, 1024), "fc2.weight": (outputs, 16)}
    return under(prefix, names)


def inception(prefix: str = "") -> Names:
    names = {"Incption1_conv1.weight": (1, 3, 1, 1), "Incption2_conv1.weight": (2, 11, 1, 1), "bn1.weight": (16,)}
    return under(prefix, names | {"bn2.weight": (16,), "fc1.weight": (16, 1024), "fc2.weight": (2, 16)})


def resnet() -> Names:
    names = {"resnet.0.weight": (64, 3, 7, 7), "resnet.4.0.conv1.weight": (64, 64, 3, 3), "fc.weight": (2, 512)}
    return under("backbone.", names | {"resnet.7.2.conv2.weight": (512, 512, 3, 3)})


def under(prefix: str, names: Names) -> Names:
    return {f"{prefix}{name}": shape for name, shape in names.items()}


def outlined(names: Names, **wrapped) -> Outline:
    return Outline({name: Shaped(shape, "f") for name, shape in names.items()}, **wrapped)


def head(name: str, *shape: int) -> Names:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


ICPR = package(4, "efficientnet.")
ATTENTION = {"efficientnet.attconv.weight": (1, 56, 1, 1), "efficientnet.attconv.bias": (1,)}
ST = head("classifier.0", 1792) | head("classifier.1", 1, 1792)
SELIM = under("module.", timm(7, "encoder.") | head("fc", 1, 2560) | head("encoder.classifier", 1000, 2560))
UNUSED = {"backbone.adjust_channel.0.weight": (512, 2048, 1, 1)}
XC, B4, B4_06, LOGIT = "legacy_xception", "efficientnet_pytorch_b4", "efficientnet_pytorch06_b4", "mean_logit"
# dialect, file, network, side, first of mean, index of the fake class (a sigmoid's: "p"), how a video is answered
KNOWN = [
    ("DeepfakeBench xception", outlined(xception("backbone.") | UNUSED), XC, 256, .5, 1, None),
    ("DeepfakeBench xception", outlined(xception("module.backbone.", head="last_linear.1")), XC, 256, .5, 1, None),
    ("DeepfakeBench effnb4", outlined(under("backbone.", ICPR | head("last_layer", 2, 1792))),
     "deepfakebench_effnb4", 256, .5, 1, None),
    ("DeepfakeBench meso4", outlined(meso("backbone.")), "deepfakebench_meso4", 256, .5, 1, None),
    ("DeepfakeBench meso4Incep", outlined(inception("backbone.")), "deepfakebench_mesoinception4", 256, .5, 1, None),
    ("DeepfakeBench cnnaug", outlined(resnet()), "resnet34", 256, .5, 1, None),
    ("SelfBlendedImages", outlined(package(4, "net.", 2), container=("model",)), B4, 380, 0., 1, "max_face"),
    ("ICPR2020 EfficientNetB4", outlined(ICPR | head("classifier", 1, 1792)), B4_06, 224, .485, "p", LOGIT),
    ("ICPR2020 EfficientNetB4ST", outlined(under("feat_ext.", ICPR) | ST, container=("net",)), "icpr_st_b4", 224,
     .485, "p", LOGIT),
    ("ICPR2020 EfficientNetAutoAttB4", outlined(ICPR | ATTENTION | head("classifier", 1, 1792)), "icpr_autoatt_b4",
     224, .485, "p", LOGIT),
    ("ICPR2020 EfficientNetAutoAttB4ST", outlined(under("feat_ext.", ICPR | ATTENTION) | ST), "icpr_autoattst_b4",
     224, .485, "p", LOGIT),
    ("ICPR2020 Xception", outlined(xception("xception.", 1)), XC, 224, .485, "p", LOGIT),
    ("selimsef DFDC", outlined(SELIM, container=("state_dict",)), "tf_efficientnet_b7", 380, .485, "p", None),
    ("selimsef DFDC", outlined(timm(7, "encoder.") | head("fc", 1, 2560)), "tf_efficientnet_b7", 380, .485, "p", None),
    ("FaceForensics++ Xception", outlined(xception("model."), module="network.models.TransferModel"), XC, 299, .5, 1,
     None),
    ("FaceForensics++ Xception", outlined(xception("model.", head="last_linear.1"),
     module="network.models.TransferModel"), XC, 299, .5, 1, None),
    ("HongguLiu Xception", outlined(xception("model.", head="last_linear.1")), XC, 299, .5, 1, None),
    ("MesoNet-Pytorch", outlined(meso()), "deepfakebench_meso4", 256, .5, 0, None),
    ("efficientnet_pytorch", outlined(package(4, "net.", 2), container=("state_dict",)), "efficientnet_pytorch_b4",
     380, .485, 1, None),
    ("Cadene Xception", outlined(xception("model.", 1), container=("state_dict",)), XC, 299, .5, "p", None),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "file", "model", "size", "mean", "fake", "video"), KNOWN)
def test_every_form_is_read_as_its_authors_detector(dialect, file, model, size, mean, fake, video):
    found = told_by(file, FILE)
    assert found.dialect == dialect and dialect in DIALECTS
    assert (found.detector["model"], found.detector["input_size"], found.detector["mean"][0]) == (model, size, mean)
    assert found.detector.get("video_score") == video
    classes = Classes.read(found.detector)
    assert classes.fakes == [1 if fake == "p" else fake] and (classes.positive_name == "Fake") == (fake == "p")
    # a configuration can hold all of it
    config = load({"detector": dict(found.detector), "faces": dict(found.faces), **CORPUS})
    assert config.detector.model == model


CORPUS = {
    "run": "here",
    "corpus": {"kind": "ffpp", "root": "a", "splits": "b"},
    "explainers": {"LIME": {"method": "lime", "baseline": "blur"}},
}


@pytest.mark.parametrize("size", range(8))
def test_the_package_s_networks_are_told_by_their_blocks_and_heads(size):
    found = told_by(outlined(package(size, outputs=2)), FILE)
    sides = (224, 240, 260, 300, 380, 456, 528, 600)
    assert (found.detector["model"], found.detector["input_size"]) == (f"efficientnet_pytorch_b{size}", sides[size])
    assert f"for 0.6 set detector.model to efficientnet_pytorch06_b{size}, for timm's" in found.notes[0]


def test_crops_and_resizing_of_the_forms():
    def read(dialect: str) -> Reading:
        return told_by(next(file for name, file, *_ in KNOWN if name == dialect), FILE)

    bench, sbi, icpr, selim, ff = map(
        read, ("DeepfakeBench xception", "SelfBlendedImages", "ICPR2020 EfficientNetB4", "selimsef DFDC",
               "FaceForensics++ Xception"),
    )  # fmt: skip
    assert bench.faces == {"align": 256, "scale": 1.3, "several": "largest"}
    assert sbi.faces["margins"] == (0.125,) * 4 and not sbi.faces["square"] and sbi.faces["edges"] == "clip"
    assert icpr.faces["margins"] == (0.2, 0.4, 0.2, 0.2) and icpr.faces["square"] and icpr.faces["scale"] == 1
    assert selim.faces["margins"] == (1 / 3,) * 4 and not selim.faces["square"]
    assert (ff.faces["scale"], ff.faces["edges"], ff.faces["square"]) == (1.3, "shrink", True)
    ways = [tuple(one.detector["resize"].values()) for one in (bench, sbi, icpr, selim, ff)]
    assert ways == [
        ("opencv", "bicubic", "stretch"), ("opencv", "bilinear", "stretch"), ("opencv", "bilinear", "pad"),
        ("opencv", "area_or_bicubic", "letterbox"), ("pillow", "bilinear", "stretch"),
    ]  # fmt: skip


def test_a_guess_is_said_and_how_to_set_it():
    note = told_by(outlined(xception("model."), container=("state_dict",)), FILE).notes[-1]
    assert "(fake = 1) is a guess; set detector.classes to [Fake, Real]" in note
    note = told_by(outlined(package(0, outputs=1)), FILE).notes[-1]
    assert "is a guess; set detector.positive to Real" in note
    found = told_by(outlined(xception(outputs=1000)), FILE)
    assert "what its 1000 outputs are: set detector.classes" in found.notes[-1] and "classes" not in found.detector
    found = told_by(outlined(xception("backbone.", outputs=5)), FILE)  # trained on by somebody else
    assert "has 2 outputs, this one 5: set detector.classes" in found.notes[-1]
    assert found.detector["model"] == "legacy_xception" and not {"classes", "output"} & found.detector.keys()
    assert "fake = 0" in told_by(outlined(meso()), FILE).notes[0]
    file = outlined(package(4, "net.", 2), container=("model",), averaged=True)
    assert "moving average" in told_by(file, FILE).notes[-1]


REFUSED = [
    ("SPSL", xception("backbone.", channels=4)),
    ("F3Net", xception("backbone.", channels=12) | {"FAD_head.filters.0.base": (256, 256)}),
    ("F3Net", xception("backbone.", channels=12)),
    ("SRM", xception("backbone_rgb.") | xception("backbone_srm.") | {"srm_conv1.conv.weight": (32, 1, 5, 5)}),
    ("UCF", xception("encoder_f.") | xception("encoder_c.") | {"con_gan.l1.0.weight": (1, 1)}),
    ("RECCE", under("model.", {"encoder.conv1.weight": (32, 3, 3, 3), "decoder1.1.conv.weight": (1,),
                               "reasoning.conv.weight": (1,)})),
    ("Capsule", {"fea_ext.capsules.0.0.weight": (64, 256, 3, 3), "vgg_ext.vgg_1.0.weight": (64, 3, 3, 3)}),
    ("FFD", under("backbone.", xception() | {"map.c.weight": (1, 728, 3, 3)})),
]  # fmt: skip


@pytest.mark.parametrize(("name", "names"), REFUSED)
def test_deepfakebench_s_other_detectors_are_refused_by_name(name, names):
    with pytest.raises(InputError, match=rf"^detector\.pth: is {name} of DeepfakeBench, whose network isn't built"):
        told_by(outlined(names), FILE)


def test_other_xceptions_and_unknown_networks():
    with pytest.raises(InputError, match="is an Xception of 6 channels, which a picture hasn't"):
        told_by(outlined(xception(channels=6)), FILE)
    assert told_by(outlined({"0.weight": (4, 3, 3, 3)}), FILE) is None
    # timm's own Xception and EfficientNets say nothing of who trained them: the configuration does, as ever
    assert told_by(outlined(xception(head="fc", outputs=5)), FILE) is None
    assert told_by(outlined(timm(4, "model.") | head("model.classifier", 5, 1792), lightning=True), FILE) is None


def test_the_user_says_which_form_it_is():
    file = outlined(package(4, "net.", 2), container=("model",))
    assert told_by(file, FILE, "efficientnet_pytorch").detector["model"] == "efficientnet_pytorch_b4"
    assert told_by(outlined(meso()), FILE, "DeepfakeBench meso4").detector["classes"] == ["Real", "Fake"]
    with pytest.raises(
        InputError, match=r"^detector\.dialect: detector\.pth lacks the tensors of a ICPR2020 Xception; "
    ):
        told_by(file, FILE, "ICPR2020 Xception")
    assert [form.name for form in FORMS] + [PLAIN] == list(DIALECTS)


def test_what_is_around_the_names():
    assert cleaned(["module.model.a.weight", "module.model.b.bias"])[:2] == (
        {"module.model.a.weight": "a.weight", "module.model.b.bias": "b.bias"}, "module.model.",
    )  # fmt: skip
    assert cleaned(["net._orig_mod.a.weight"]).prefix == "net._orig_mod."
    assert cleaned(["encoder.a.weight", "fc.weight"]).prefix == ""
    assert cleaned(["model.a.weight"], {"model.a.weight"}).prefix == ""  # the network's own
    assert cleaned(["model", "model.a"]).prefix == "" and cleaned(["mine.a", "mine.b"]).prefix == ""
    names = ["model.a.weight", "loss.weight", "criterion.weight", "train_metrics.x", "val_auroc.preds", "loss_fn.w"]
    assert cleaned(names)[1:] == ("model.", tuple(names[1:]))
    assert cleaned(["loss.weight"], {"loss.weight"}).left_out == ()
    names = ["model.loss.weight", "accumulate.weight", "lossless.weight", "map.c.weight", "acc.weight", "loss"]
    assert [name for name in names if beside(name)] == ["model.loss.weight"]


def test_names_of_which_some_lack_the_prefix():
    names = {"model.a.weight": "model.a.weight", "b": "b", "teacher.a.weight": "teacher.a.weight"}
    assert fitting(names, {"a.weight"}) == (
        {"model.a.weight": "a.weight", "b": "(b)", "teacher.a.weight": "(teacher.a.weight)"}, "model.",
    )  # fmt: skip
    assert fitting(names, {"c"}) == (names, "")


# -- files


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
