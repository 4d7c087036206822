"""The detector's network, tried before any job starts: whether it can be built, and has the layers that rows name."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.common.classes import FIVE
from advxai.common.errors import InputError
from advxai.common.usercode import code_sha256
from advxai.config import Config
from advxai.config.networks import options_of
from advxai.config.video import OverFrames
from advxai.config.white import Attending
from advxai.dialects.hub import config_text, is_hub
from advxai.dialects.onnxfile import MODEL as ONNX
from advxai.run.environment import installed_version

if TYPE_CHECKING:
    from torch import nn

BY_RULE = ("last", "all")  # of the key `layers`: no names


def rows_of(config: Config) -> dict[str, tuple[str, Any]]:
    """Rows of images, and those of clips that go over their frames: where it stands -> key of the configuration and
    entry."""
    found = {name: (f"explainers.{name}", entry) for name, entry in config.explainers.items()}
    for name, entry in config.video.explainers.items():
        if isinstance(entry, OverFrames):
            found[f"video.{name}"] = (f"video.explainers.{name}", entry.row)
    return found


def layers_of(config: Config) -> dict[str, list[str]]:
    """Row -> the layers that it names, or what it asks of the network's attention; of a detector that has no layers,
    nothing (`advxai.beforehand.check` says so)."""
    found = {}
    for name, (_, entry) in rows_of(config).items():
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


def built_of(config: Config) -> list[Any]:
    """What determines whether the detector's network can be built and trained as the configuration says; []: nothing
    that would have to be tried."""
    settings = config.detector
    trained = settings.training.trained_blocks if settings.checkpoint is None else None
    options = options_of(settings.model, settings.network)
    return [trained, *network_of(config)] if options or trained is not None else []


def require_built(config: Config, outputs: int) -> None:
    """Build the network, whatever its weights, and freeze its blocks, if it is to be trained so.

    Args:
        config: the run's.
        outputs: width of the detector's head.

    Raises:
        InputError: it can't be built of its options, or hasn't so many blocks.
    """
    from advxai.detector.frozen import freeze_blocks  # torch, which planning does without

    settings = config.detector
    module = _module(config, outputs)
    if settings.checkpoint is None and settings.training.trained_blocks is not None:
        freeze_blocks(module, settings.training.trained_blocks, settings.model)


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
        key, entry = rows_of(config)[row]
        try:
            if isinstance(entry, Attending):
                from advxai.saliency.registry import require_attention

                require_attention(entry, network, config.detector.input_size)
            else:
                chosen(network, names, config.detector.input_size)
        except NoLayer as error:
            raise InputError(f"{key}{': ' if isinstance(entry, Attending) else '.'}{error}") from error


def _module(config: Config, outputs: int) -> "nn.Module":
    settings = config.detector
    if is_hub(settings.model):
        from advxai.detector.hub import from_folder

        return from_folder(Path(str(settings.checkpoint)))
    from advxai.detector.build import build_module

    return build_module(settings, outputs)
