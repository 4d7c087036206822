"""Layers of the detector that rows name, looked for before any job starts."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.common.errors import InputError, in_line
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
    modules = dict(_module(config, outputs).named_modules())
    there = [name for name in modules if name]
    for row, names in layers_of(config).items():
        for name in names:
            if name not in there:
                near = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
                near = near or [one for one in there if "Conv" in type(modules[one]).__name__][-3:] or there[-3:]
                raise InputError(
                    f"explainers.{row}.layers: {config.detector.model} has no module {in_line(name)!r}; name one of "
                    f"its own, such as {', '.join(near)}, or take the key out, for the last convolution"
                )


def _module(config: Config, outputs: int) -> "nn.Module":
    settings = config.detector
    if is_hub(settings.model):
        from advxai.detector.hub import from_folder  # here and below: torch, which planning does without

        return from_folder(Path(str(settings.checkpoint)))
    from advxai.detector.build import build_module

    return build_module(settings, outputs)
