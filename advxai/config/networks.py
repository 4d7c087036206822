"""What is known of the networks of our own, by the name that `detector.model` gives them; they are built elsewhere."""

from dataclasses import dataclass

from advxai.common.classes import Output

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and standard deviation of red, green, blue
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


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
}
KERAS = tuple(name for name, network in NETWORKS.items() if network.keras)
# For messages: a family by its first and last.
NAMES = (
    "meso4, mesoinception4, efficientnet_pytorch_b0 to _b7, efficientnet_pytorch06_b0 to _b7, deepfakebench_effnb4, "
    "deepfakebench_meso4, deepfakebench_mesoinception4, icpr_autoatt_b4, icpr_st_b4, icpr_autoattst_b4, the same with "
    "icpr07_"
)
