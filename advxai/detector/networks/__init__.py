"""Networks of our own (`advxai.config.networks` says what is known of each)."""

from torch import nn

from advxai.common.errors import InputError
from advxai.config.networks import NETWORKS
from advxai.detector.networks.meso import Meso4, MesoInception4

BUILT = {"meso4": Meso4, "mesoinception4": MesoInception4}


def build(name: str, outputs: int, input_size: int | None = None) -> nn.Module:
    """A network with random weights.

    Args:
        name: of `NETWORKS`.
        outputs: how many logits it has.
        input_size: side of its input in pixels; None: as published.

    Raises:
        InputError: it can't have such an input.
    """
    try:
        return BUILT[name](outputs, input_size or NETWORKS[name].input_size)
    except ValueError as error:
        raise InputError(f"detector.input_size: {error}; correct it") from error
