"""The forms of detectors' files, each with what tells it and what it is read as.

What a form's detector sees and says is as its authors' public code has it; what is only likely is in the notes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from advxai.dialects import hybrids
from advxai.dialects.reading import SIGN, Note, Reading
from advxai.dialects.seen import NOMINAL, Seen

IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALF: dict[str, Any] = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
UNIT: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
TWO: dict[str, Any] = {"classes": ["Real", "Fake"], "output": "softmax"}
ONE: dict[str, Any] = {"classes": ["Real", "Fake"], "output": "sigmoid", "positive": "Fake"}
ALIGNED = {"align": 256, "scale": 1.3, "several": "largest"}  # DeepfakeBench's
FIRST_FACE = {"scale": 1.3, "square": True, "edges": "shrink", "several": "largest"}  # FaceForensics++'s own code

MESO = {"meso4": "deepfakebench_meso4", "meso4Incep": "deepfakebench_mesoinception4"}

_LANDMARKS = Note(
    "The crop is DeepfakeBench's, turned by five points; RetinaFace's five stand in for those that dlib's 81 give.",
    "faces.align",
)
_DLIB = "RetinaFace's largest face stands in for dlib's first."
_EARLY = Note(
    "It is padded as efficientnet_pytorch was before 0.7, for its authors name no release; for the padding of 0.7 set "
    "detector.model to efficientnet_pytorch_b4.",
    "detector.model",
)


@dataclass(frozen=True)
class Form:
    """One form of file.

    Attributes:
        name: the dialect's, one of `advxai.config.dialects`.
        is_it: whether the tensors' names and how they were wrapped are this form's.
        fits: whether the network can be this form's, whatever wraps it: then `detector.dialect` may name it.
        read: what it is read as, the number of outputs apart.
        outputs: how many its authors' has.
    """

    name: str
    is_it: Callable[[Seen], bool]
    fits: Callable[[Seen], bool]
    read: Callable[[Seen], Reading]
    outputs: int | None = None


def outputs_of(seen: Seen) -> int | None:
    """How many outputs the network has; None: its last layer isn't found."""
    heads = ["last_layer", "last_linear", "last_linear.1", "classifier", "classifier.1", "_fc", "fc", "fc2"]
    found = seen.efficientnet_pytorch
    if found:
        heads.insert(0, f"{found.prefix}_fc")
    heads[:0] = hybrids.HEADS  # beside which its EfficientNet's own lies unused
    return next((side for head in heads if (side := seen.side(f"{head}.weight"))), None)


def _reading(name: str, notes: tuple[str, ...] = (), faces: dict[str, Any] | None = None, **detector: Any) -> Reading:
    return Reading(name, detector, faces or {}, notes)


def _resize(library: str, interpolation: str, fit: str = "stretch") -> dict[str, str]:
    return {"library": library, "interpolation": interpolation, "fit": fit}


# -- DeepfakeBench
def _bench(name: str, model: str, *notes: str) -> Callable[[Seen], Reading]:
    resize = _resize("opencv", "bicubic")
    return lambda seen: _reading(
        f"DeepfakeBench {name}",
        (*notes, _LANDMARKS),
        ALIGNED,
        model=model,
        input_size=256,
        resize=resize,
        **HALF,
        **TWO,
    )


def _is_bench(seen: Seen) -> bool:
    return seen.prefix.endswith("backbone.") and not seen.outline.module


def _bench_efficient(seen: Seen) -> bool:
    found = seen.efficientnet_pytorch
    return found is not None and found.size == 4 and "last_layer.weight" in seen.names


def _bench_resnet(seen: Seen) -> bool:
    kinds = {"resnet.0": (64, 3, 7, 7), "resnet.4.0.conv1": (64, 64, 3, 3), "resnet.7.2.conv2": (512, 512, 3, 3)}
    return all(seen.names.get(f"{name}.weight") == shape for name, shape in kinds.items())


def _plain_xception(seen: Seen) -> bool:
    """Cadene's Xception on three channels, with his head."""
    return seen.xception and seen.side("conv1.weight", 1) == 3 and bool(seen.xception_head)


# -- Bonettini et al., ICPR 2020
def _icpr(name: str, model: str, *notes: str) -> Callable[[Seen], Reading]:
    faces = {"scale": 1.0, "margins": (0.2, 0.4, 0.2, 0.2), "square": True, "edges": "clip", "several": "largest"}
    resize = _resize("opencv", "bilinear", "pad")
    blaze = "RetinaFace stands in for BlazeFace, whose margins are counted in the box's height on all sides."
    return lambda seen: _reading(
        f"ICPR2020 {name}", (*notes, blaze), faces, model=model, input_size=224, resize=resize,
        video_score="mean_logit", **IMAGENET, **ONE,
    )  # fmt: skip


def _icpr_efficient(st: bool, attention: bool) -> Callable[[Seen], bool]:
    """B4 with a head beside the body; with attention; siamese training puts a batch norm before the head."""

    def fits(seen: Seen) -> bool:
        found = seen.efficientnet_pytorch
        if found is None or found.size != 4:
            return False
        head, normed = seen.side("classifier.weight"), seen.names.get("classifier.0.weight") == (1792,)
        own = normed and seen.side("classifier.1.weight") == 1 if st else head == 1 and not normed
        return own and (f"{found.prefix}attconv.weight" in seen.names) == attention

    return fits


def _icpr_xception(seen: Seen) -> bool:
    return _plain_xception(seen) and outputs_of(seen) == 1


# -- others
def _sbi(seen: Seen) -> bool:
    found = seen.efficientnet_pytorch
    return found is not None and found.size == 4 and f"{found.prefix}_fc.weight" in seen.names


def _read_sbi(seen: Seen) -> Reading:
    notes = (
        Note(
            "It is told from other networks of efficientnet_pytorch by its container 'model' and its prefix 'net.'.",
            "detector.dialect",
        ),
        Note(
            "Its authors take a frame's most fake face of those at least half as large as the largest: with several "
            "faces in view set faces.tracks.",
            "faces.tracks",
        ),
    )
    faces = {"scale": 1.0, "margins": (0.125,) * 4, "square": False, "edges": "clip", "several": "largest"}
    return _reading(
        "SelfBlendedImages", notes, faces, model="efficientnet_pytorch_b4", input_size=380,
        resize=_resize("opencv", "bilinear"), video_score="max_face", **UNIT, **TWO,
    )  # fmt: skip


def _selim(seen: Seen) -> bool:
    found = seen.timm
    return found is not None and found.prefix == "encoder." and seen.side("fc.weight") == 1


def _read_selim(seen: Seen) -> Reading:
    assert seen.timm is not None
    notes = (
        "RetinaFace's largest face stands in for MTCNN's faces.",
        "Its authors' answer for a video weighs confident frames, and is an ensemble's of seven such files; here it is "
        "the mean of this one's.",
    )
    faces = {"scale": 1.0, "margins": (1 / 3,) * 4, "square": False, "edges": "clip", "several": "largest"}
    return _reading(
        "selimsef DFDC", notes, faces, model=f"tf_efficientnet_b{seen.timm.size}", input_size=380,
        resize=_resize("opencv", "area_or_bicubic", "letterbox"), **IMAGENET, **ONE,
    )  # fmt: skip


def _transferred(name: str) -> Callable[[Seen], Reading]:
    return lambda seen: _reading(
        name, (_DLIB,), FIRST_FACE, model="legacy_xception", input_size=299, resize=_resize("pillow", "bilinear"),
        **HALF, **TWO,
    )  # fmt: skip


def _read_mesonet_pytorch(seen: Seen) -> Reading:
    note = Note(
        "That its first output is the fake one (fake = 0) is what the order of its training's folders gives; if a fake "
        "face is called real, set detector.classes to [Real, Fake].",
        *SIGN,
    )
    return _reading(
        "MesoNet-Pytorch", (note,), model=MESO[seen.meso], input_size=256,
        resize=_resize("pillow", "bilinear"), classes=["Fake", "Real"], output="softmax", **HALF,
    )  # fmt: skip


def _read_efficient(seen: Seen) -> Reading:
    found = seen.efficientnet_pytorch
    assert found is not None
    name = f"efficientnet_pytorch_b{found.size}"
    padding = Note(
        f"It is padded as by efficientnet_pytorch 0.7; for 0.6 set detector.model to {name.replace('_b', '06_b')}, for "
        f"timm's padding to tf_efficientnet_b{found.size}.",
        "detector.model",
    )
    channels = Note("Mean and std are ImageNet's, as that package has them.", "detector.mean", "detector.std")
    return _reading("efficientnet_pytorch", (padding, channels), model=name, input_size=NOMINAL[found.size], **IMAGENET)


def _read_cadene(seen: Seen) -> Reading:
    note = Note("Mean and std are .5, as that package has them.", "detector.mean", "detector.std")
    return _reading("Cadene Xception", (note,), model="legacy_xception", input_size=299, **HALF)


def _whole_efficient(seen: Seen) -> bool:
    """An EfficientNet with the package's own head."""
    found = seen.efficientnet_pytorch
    return found is not None and f"{found.prefix}_fc.weight" in seen.names


_B4, _B4ST, _ATT, _ATTST = (_icpr_efficient(st, attention) for attention in (False, True) for st in (False, True))
FORMS = (  # of two that fit, the first
    Form("DeepfakeBench xception", lambda seen: _is_bench(seen) and _plain_xception(seen), _plain_xception,
         _bench("xception", "legacy_xception", "Its tensors are those of DeepfakeBench's core as well, which is read "
                "alike."), 2),
    Form("DeepfakeBench effnb4", lambda seen: _is_bench(seen) and _bench_efficient(seen), _bench_efficient,
         _bench("effnb4", "deepfakebench_effnb4", "Its first layer isn't padded, as DeepfakeBench has it."), 2),
    Form("DeepfakeBench meso4", lambda seen: _is_bench(seen) and seen.meso == "meso4",
         lambda seen: seen.meso == "meso4", _bench("meso4", MESO["meso4"]), 2),
    Form("DeepfakeBench meso4Incep", lambda seen: _is_bench(seen) and seen.meso == "meso4Incep",
         lambda seen: seen.meso == "meso4Incep",
         _bench("meso4Incep", MESO["meso4Incep"]), 2),
    Form("DeepfakeBench cnnaug", lambda seen: _is_bench(seen) and _bench_resnet(seen), _bench_resnet,
         _bench("cnnaug", "resnet34"), 2),
    Form("SelfBlendedImages", lambda seen: _sbi(seen) and seen.outline.container[-1:] == ("model",) and
         seen.prefix == "net.", _sbi, _read_sbi, 2),
    Form("ICPR2020 EfficientNetB4", _B4, _B4, _icpr("EfficientNetB4", "efficientnet_pytorch06_b4", _EARLY),
         1),
    Form("ICPR2020 EfficientNetB4ST", _B4ST, _B4ST, _icpr("EfficientNetB4ST", "icpr_st_b4"), 1),
    Form("ICPR2020 EfficientNetAutoAttB4", _ATT, _ATT, _icpr("EfficientNetAutoAttB4", "icpr_autoatt_b4"), 1),
    Form("ICPR2020 EfficientNetAutoAttB4ST", _ATTST, _ATTST,
         _icpr("EfficientNetAutoAttB4ST", "icpr_autoattst_b4"), 1),
    Form("ICPR2020 Xception", lambda seen: _icpr_xception(seen) and seen.prefix == "xception.", _icpr_xception,
         _icpr("Xception", "legacy_xception"), 1),
    Form("selimsef DFDC", lambda seen: _selim(seen) and seen.timm is not None and seen.timm.size == 7, _selim,
         _read_selim, 1),
    Form("FaceForensics++ Xception", lambda seen: _plain_xception(seen) and
         seen.outline.module.endswith(".TransferModel"), _plain_xception, _transferred("FaceForensics++ Xception"), 2),
    Form("HongguLiu Xception", lambda seen: _plain_xception(seen) and seen.prefix == "model." and
         seen.xception_head == "last_linear.1" and not seen.outline.container and not seen.outline.module,
         _plain_xception, _transferred("HongguLiu Xception"), 2),
    Form("MesoNet-Pytorch", lambda seen: bool(seen.meso), lambda seen: bool(seen.meso),
         _read_mesonet_pytorch, 2),
    *(Form(name, hybrids.is_of(name), hybrids.is_of(name), hybrids.read(name), 1) for name in hybrids.MODELS),
    Form("efficientnet_pytorch", _whole_efficient, lambda seen: seen.efficientnet_pytorch is not None, _read_efficient),
    Form("Cadene Xception", _plain_xception, _plain_xception, _read_cadene),
)  # fmt: skip
