"""Layers of the detector that rows name, looked for before any job starts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.common.usercode import code_sha256
from advxai.config import Config
from advxai.dialects.hub import config_text, is_hub
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.run.environment import installed_version

if TYPE_CHECKING:
    from torch import nn

BY_RULE = ("last", "all")  # of the key `layers`: no names


def layers_of(config: Config) -> dict[str, list[str]]:
    """Row -> the layers that it names; of a detector that has none, nothing (`advxai.beforehand.check` says so)."""
    found = {}
    for name, entry in config.explainers.items():
        layers = getattr(entry, "layers", None)
        named = [layers] if isinstance(layers, str) else layers
        if entry.gradients and named and layers not in BY_RULE:
            found[name] = list(named)
    return {} if config.detector.model == ONNX else found


def network_of(config: Config) -> list[Any]:
    """What determines the names of the detector's layers."""
    settings = config.detector
    if is_hub(settings.model):
        return [settings.model, config_text(Path(str(settings.checkpoint))), installed_version("transformers")]
    if ":" in settings.model:
        return [settings.model, code_sha256(settings.model.partition(":")[0])]
    return [settings.model, settings.input_size, installed_version("timm")]


def require_layers(config: Config, outputs: int) -> None:
    """Build the detector's network, whatever its weights, and look for the layers that rows name.

    Args:
        config: the run's.
        outputs: width of the detector's head.

    Raises:
        InputError: it has no such layer, or can't be built.
    """
    named = layers_of(config)
    if not named:
        return
    import torch  # here and below: planning does without

    from advxai.detector.gradients import Network
    from advxai.detector.layers import ROWS, NoLayer, chosen

    # which classes the outputs are doesn't matter to the layers
    network = Network(_module(config, outputs), FIVE, torch.device("cpu"), ROWS, lambda _: None)
    for row, names in named.items():
        try:
            chosen(network, names, config.detector.input_size)
        except NoLayer as error:
            raise InputError(f"explainers.{row}.{error}") from error


def _module(config: Config, outputs: int) -> "nn.Module":
    settings = config.detector
    if is_hub(settings.model):
        from advxai.detector.hub import from_folder

        return from_folder(Path(str(settings.checkpoint)))
    from advxai.detector.build import build_module

    return build_module(settings, outputs)
