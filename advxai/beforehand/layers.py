"""Layers of the detector that rows name, looked for before any job starts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.common.usercode import code_sha256
from advxai.config import Config
from advxai.config.networks import options_of
from advxai.config.white import Attending
from advxai.dialects.hub import config_text, is_hub
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.run.environment import installed_version

if TYPE_CHECKING:
    from torch import nn

BY_RULE = ("last", "all")  # of the key `layers`: no names


def layers_of(config: Config) -> dict[str, list[str]]:
    """Row -> the layers that it names, or what it asks of the network's attention; of a detector that has no layers,
    nothing (`advxai.beforehand.check` says so)."""
    found = {}
    for name, entry in config.explainers.items():
        layers = getattr(entry, "layers", None)
        named = [layers] if isinstance(layers, str) else layers
        if entry.gradients and named and layers not in BY_RULE:
            found[name] = list(named)
        if isinstance(entry, Attending):
            found[name] = [
                f"{key} {value}" for key, value in entry.model_dump(include={"method", "map", "level"}).items()
            ]
    return {} if config.detector.model == ONNX else found


def network_of(config: Config) -> list[Any]:
    """What determines the names of the detector's layers."""
    settings = config.detector
    if is_hub(settings.model):
        return [settings.model, config_text(Path(str(settings.checkpoint))), installed_version("transformers")]
    if ":" in settings.model:
        return [settings.model, code_sha256(settings.model.partition(":")[0])]
    options = options_of(settings.model, settings.network)
    return [settings.model, settings.input_size, *([options] if options else []), installed_version("timm")]


def require_layers(config: Config, outputs: int) -> None:
    """Build the detector's network, whatever its weights, and look for the layers, or the attention, that rows name.

    Args:
        config: the run's.
        outputs: width of the detector's head.

    Raises:
        InputError: it has no such layer or attention, or can't be built.
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
        entry = config.explainers[row]
        try:
            if isinstance(entry, Attending):
                from advxai.saliency.registry import require_attention

                require_attention(entry, network, config.detector.input_size)
            else:
                chosen(network, names, config.detector.input_size)
        except NoLayer as error:
            raise InputError(f"explainers.{row}{': ' if isinstance(entry, Attending) else '.'}{error}") from error


def _module(config: Config, outputs: int) -> "nn.Module":
    settings = config.detector
    if is_hub(settings.model):
        from advxai.detector.hub import from_folder

        return from_folder(Path(str(settings.checkpoint)))
    from advxai.detector.build import build_module

    return build_module(settings, outputs)
