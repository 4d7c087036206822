"""Networks of our own, by the name that `detector.model` gives them.

Planning reads the registry, so an entry says what a network is without torch: that is imported when one is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Network:
    """What is known of a network before it is built.

    Attributes:
        build: makes it, given the number of its outputs; weights are random.
        classes: what its published weights tell apart; a sigmoid's single output doesn't follow their order.
        output: what turns its logits into probabilities: "softmax" of one a class, or "sigmoid" of a single one.
        positive: the class whose probability the sigmoid is; None with a softmax.
        input_size: side of its input in pixels.
        mean: subtracted from each channel of an RGB image in [0, 1].
        std: that each channel is divided by then.
        source: citation.
    """

    build: Callable[[int], nn.Module]
    classes: tuple[str, ...]
    output: Literal["softmax", "sigmoid"]
    positive: str | None
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    source: str


def _meso4(outputs: int) -> nn.Module:
    from advxai.detector.networks.meso import Meso4

    return Meso4(outputs)


def _mesoinception4(outputs: int) -> nn.Module:
    from advxai.detector.networks.meso import MesoInception4

    return MesoInception4(outputs)


def _meso(build: Callable[[int], nn.Module]) -> Network:
    return Network(
        build=build,
        classes=("Real", "Fake"),
        output="sigmoid",
        positive="Real",
        input_size=256,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        source="Afchar et al., MesoNet: a Compact Facial Video Forgery Detection Network, WIFS 2018, arXiv:1809.00888",
    )


NETWORKS: dict[str, Network] = {"meso4": _meso(_meso4), "mesoinception4": _meso(_mesoinception4)}
