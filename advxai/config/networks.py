"""What is known of the networks of our own, by the name that `detector.model` gives them; they are built elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from advxai.common.classes import Output
from advxai.config.base import Model

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and standard deviation of red, green, blue
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


class Options(Model):
    """What can be chosen of the networks that stand on a backbone; null: as the network has it."""

    backbone: str | None = Field(
        None,
        min_length=1,
        description="The convolutional network in front: timm's name, such as tf_efficientnet_b4, or "
        "efficientnet_pytorch_b0 to _b7 with the paddings of that package (efficientnet_pytorch06_*: of its releases "
        "before 0.7).",
    )
    tokens: Literal["channels", "places"] | None = Field(
        None,
        description="What efficientnet_vit's tokens are. channels, as released: 1,024 learnt mixtures of the last "
        "map's channels, each over all of its places; they lie nowhere. places: the places of a map.",
    )
    stride: Literal[8, 16, 32] | None = Field(
        None, description="Pixels of the input by place of the map whose places are tokens; 32: the last map."
    )
    width: int | None = Field(
        None,
        ge=8,
        le=4096,
        description="Numbers of a token, where tokens are places; of efficientnet_ltpa, "
        "numbers of the global feature, null: the channels of the backbone's last map.",
    )
    depth: int | None = Field(
        None, ge=1, le=64, description="Blocks of the transformer; of cross_efficient_vit those of both branches."
    )


@dataclass(frozen=True)
class Network:
    """A network before it is built.

    Attributes:
        input_size: side of its input in pixels.
        mean, std: of each channel of an RGB image in [0, 1].
        source: citation.
        weights: where published weights are, for a message.
        classes: what its published weights tell apart; a sigmoid's single output doesn't follow their order. None:
            there is no telling.
        output: what turns its outputs into probabilities; None: there is no telling.
        positive: the class whose probability the sigmoid is; None with a softmax.
        keras: whether its weights are read from a file of Keras, too.
        options: of `Options` those that it has, with their defaults.
        input: keys of the configuration's `detector`, besides size, mean and std, by which its published weights are
            asked: colour and resize.
    """

    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    source: str
    weights: str
    classes: tuple[str, ...] | None = None
    output: Output | None = None
    positive: str | None = None
    keras: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] = field(default_factory=dict)


EFFICIENTNET = "Tan and Le, EfficientNet: Rethinking Model Scaling, ICML 2019, arXiv:1905.11946"
# Side of the input that each EfficientNet is meant for, B0 to B7; efficientnet_pytorch 0.7 pads by it.
NOMINAL = (224, 240, 260, 300, 380, 456, 528, 600)
# Numbers of blocks in the stages of each, by which efficientnet_pytorch's numbers become timm's.
STAGES = (
    (1, 2, 2, 3, 3, 4, 1),
    (2, 3, 3, 4, 4, 5, 2),
    (2, 3, 3, 4, 4, 5, 2),
    (2, 3, 3, 5, 5, 6, 2),
    (2, 4, 4, 6, 6, 8, 2),
    (3, 5, 5, 7, 7, 9, 3),
    (3, 6, 6, 8, 8, 11, 3),
    (4, 7, 7, 10, 10, 13, 4),
)

MESO = Network(
    classes=("Real", "Fake"),
    output="sigmoid",
    positive="Real",
    input_size=256,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    source="Afchar et al., MesoNet: a Compact Facial Video Forgery Detection Network, WIFS 2018, arXiv:1809.00888",
    weights="MesoNet's authors have theirs in the folder weights of the GitHub repository DariusAf/MesoNet",
    keras=True,
)


def _efficientnet(number: int) -> Network:
    """One of another package, which says nothing of classes: many detectors are such networks."""
    return Network(
        NOMINAL[number],
        *IMAGENET,
        source=EFFICIENTNET,
        weights="a well-known one, of B4, is linked in the GitHub repository mapooon/SelfBlendedImages",
    )


def _deepfakebench(source: str) -> Network:
    return Network(
        256,
        *HALF,
        source=f"{source}; as trained by Yan et al., DeepfakeBench, NeurIPS 2023, arXiv:2307.01426",
        weights="DeepfakeBench has its own among the releases of the GitHub repository SCLBD/DeepfakeBench",
        classes=("Real", "Fake"),
        output="softmax",
    )


ICPR = Network(
    224,
    *IMAGENET,
    source="Bonettini et al., Video Face Manipulation Detection Through Ensemble of CNNs, ICPR 2020, arXiv:2004.07676",
    weights="its authors link theirs in the GitHub repository polimi-ispl/icpr2020dfdc",
    classes=("Real", "Fake"),
    output="sigmoid",
    positive="Fake",
)
ICPR_KINDS = ("autoatt", "st", "autoattst")

# As its authors ask it: blue first, 0 to 255, letterboxed.
BYTES = (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)
LETTERBOX = {
    "colour": "bgr",
    "resize": {"library": "opencv", "interpolation": "area_or_bicubic", "fit": "letterbox"},
}
CHANNEL_TOKENS, HEADS = 1024, 8  # of efficientnet_vit, with `tokens: channels`
FORWARD_BATCH = 64  # of all other networks
EFFICIENTNET_VIT = Network(
    224,
    *BYTES,
    source="the GitHub repository noame12/Explainable_Attention_Based_Deepfake_Detector (2022), after Coccomini et "
    "al., ICIAP 2022, arXiv:2107.02612",
    weights="its author's file efficientnetB0_checkpoint89_All isn't public any more",
    classes=("Real", "Fake"),
    output="sigmoid",
    positive="Fake",
    options={"backbone": "tf_efficientnet_b0", "tokens": "channels", "stride": 32, "width": 192, "depth": 6},
    input=LETTERBOX,
)


def _coccomini(depth: int) -> Network:
    return Network(
        224,
        *BYTES,
        source="Coccomini et al., Combining EfficientNet and Vision Transformers for Video Deepfake Detection, ICIAP "
        "2022, arXiv:2107.02612",
        weights="its authors link theirs in the GitHub repository davide-coccomini/Combining-EfficientNet-and-Vision-"
        "Transformers-for-Video-Deepfake-Detection",
        classes=("Real", "Fake"),
        output="sigmoid",
        positive="Fake",
        options={"backbone": "tf_efficientnet_b0", "depth": depth},
        input=LETTERBOX,
    )


PINO = "Pino et al. (2021), arXiv:2105.05902, published no weights"
LTPA = Network(
    224,
    *IMAGENET,
    source="Jetley et al., Learn to Pay Attention, ICLR 2018, arXiv:1804.02391; on EfficientNet by Pino et al. (2021), "
    "arXiv:2105.05902",
    weights=PINO,
    classes=("Real", "Fake"),
    output="sigmoid",
    positive="Fake",
    options={"backbone": "tf_efficientnet_b4", "width": None},
)
AUTOATT = Network(
    224,
    *IMAGENET,
    source=ICPR.source,
    weights=f"{PINO}; those of ICPR 2020 belong to icpr_autoatt_b4, which pads as they were trained",
    classes=("Real", "Fake"),
    output="sigmoid",
    positive="Fake",
    options={"backbone": "tf_efficientnet_b4"},
)

# 06 and 07 in a name: the release of efficientnet_pytorch whose paddings the network has. Without a number it is 0.7,
# but 0.6 of ICPR 2020, whose authors name no release and probably trained before 0.7 came out.
NETWORKS = {
    "meso4": MESO,
    "mesoinception4": MESO,
    **{f"efficientnet_pytorch_b{number}": _efficientnet(number) for number in range(len(NOMINAL))},
    **{f"efficientnet_pytorch06_b{number}": _efficientnet(number) for number in range(len(NOMINAL))},
    "deepfakebench_effnb4": _deepfakebench(EFFICIENTNET),
    "deepfakebench_meso4": _deepfakebench(MESO.source),
    "deepfakebench_mesoinception4": _deepfakebench(MESO.source),
    **{f"icpr_{kind}_b4": ICPR for kind in ICPR_KINDS},
    **{f"icpr07_{kind}_b4": ICPR for kind in ICPR_KINDS},
    "efficientnet_vit": EFFICIENTNET_VIT,
    "efficient_vit": _coccomini(6),
    "cross_efficient_vit": _coccomini(4),
    "efficientnet_ltpa": LTPA,
    "efficientnet_autoatt": AUTOATT,
}
# Those whose attention is a map, for messages.
WITH_MAPS = ("efficientnet_ltpa", "efficientnet_autoatt", "icpr_autoatt_b4", "icpr_autoattst_b4")
# Those whose attention is between tokens, likewise.
WITH_TOKENS = ("efficientnet_vit", "timm's ViTs", "a hub's ViT")
KERAS = tuple(name for name, network in NETWORKS.items() if network.keras)
# For messages: a family by its first and last.
NAMES = (
    "meso4, mesoinception4, efficientnet_pytorch_b0 to _b7, efficientnet_pytorch06_b0 to _b7, deepfakebench_effnb4, "
    "deepfakebench_meso4, deepfakebench_mesoinception4, icpr_autoatt_b4, icpr_st_b4, icpr_autoattst_b4, the same with "
    "icpr07_, efficientnet_vit, efficient_vit, cross_efficient_vit, efficientnet_ltpa, efficientnet_autoatt"
)


def options_of(model: str, asked: Options | None) -> dict[str, Any]:
    """All options of a network of ours that act, asked for or not; {}: it has none."""
    own = dict(NETWORKS[model].options) if model in NETWORKS else {}
    given = {} if asked is None else asked.model_dump(exclude_none=True)
    found = {name: given.get(name, value) for name, value in own.items()}
    if found.get("tokens") == "channels":
        del found["width"]  # a token's numbers are the map's places
    return found


def channel_tokens(model: str, asked: Options | None) -> bool:
    """Whether a network's tokens are mixtures of channels, which lie nowhere, and are many."""
    return options_of(model, asked).get("tokens") == "channels"


def attention_bytes(model: str, asked: Options | None) -> int:
    """Memory of the attention between channels' tokens, in bytes an image and block, all heads; 0: of other networks,
    whose attention is small beside their features."""
    return 4 * HEADS * (CHANNEL_TOKENS + 1) ** 2 if channel_tokens(model, asked) else 0


def forward_batch_of(model: str, asked: Options | None) -> int:
    """Images in a forward, where nobody says how many: fewer where attention would fill the memory."""
    return 8 if channel_tokens(model, asked) else FORWARD_BATCH


def names_of(model: str, asked: Options | None) -> str:
    """The network whose names of tensors a model's are, in files of others: its backbone's, where it is no more than
    that with a layer added."""
    return str(options_of(model, asked)["backbone"]) if model == "efficientnet_autoatt" else model
