"""What a detector's file is read as, by its tensors' names and how they were wrapped."""

from pathlib import Path

import pytest

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.dialects import DIALECTS, PLAIN
from advxai.dialects.forms import FORMS
from advxai.dialects.names import beside, cleaned, fitting
from advxai.dialects.outline import Outline, Shaped
from advxai.dialects.reading import Reading
from advxai.dialects.recognise import told_by

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
