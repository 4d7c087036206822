"""What is known of the networks of our own, by the name that `detector.model` gives them; they are built elsewhere."""

from dataclasses import dataclass

from advxai.common.classes import Output


@dataclass(frozen=True)
class Network:
    """A network before it is built.

    Attributes:
        classes: what its published weights tell apart; a sigmoid's single output doesn't follow their order.
        output: what turns its outputs into probabilities.
        positive: the class whose probability the sigmoid is; None with a softmax.
        input_size: side of its input in pixels.
        mean, std: of each channel of an RGB image in [0, 1].
        source: citation.
    """

    classes: tuple[str, ...]
    output: Output
    positive: str | None
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    source: str


MESO = Network(
    classes=("Real", "Fake"),
    output="sigmoid",
    positive="Real",
    input_size=256,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    source="Afchar et al., MesoNet: a Compact Facial Video Forgery Detection Network, WIFS 2018, arXiv:1809.00888",
)
NETWORKS = {"meso4": MESO, "mesoinception4": MESO}
