"""A detector's layers in words (`python -m advxai layers`)."""

from pathlib import Path

import torch
from torch import nn

from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.file import read
from advxai.detector.checkpoint import any_weights
from advxai.detector.gradients import Network
from advxai.detector.layers import ROWS, Layer, NoLayer, convolutions_of, last_of, looked_at
from advxai.run.settings import resolved
from advxai.run.weights import configured_classes

HEAD = ("layer", "kind", "channels", "map")


def listed(file: Path) -> str:
    """The layers of a configuration's detector of which a class activation map can be made, to be printed.

    The network has random weights, on which they don't hang.

    Args:
        file: the configuration; `detector`'s model, checkpoint and input_size are used.

    Raises:
        InputError: the file can't be read or used, the model can't be built, or it has no module.
    """
    settings = resolved(load(read(file))).detector
    classes = configured_classes(settings)
    module = any_weights(settings, classes)
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{settings.checkpoint} is a graph of ONNX, which has no gradients, so of none of its layers a class "
            "activation map can be made"
        )
    network = Network(module, classes, torch.device("cpu"), ROWS, lambda rows: None)
    found = looked_at(network, settings.input_size)
    usable = [one for one in found.values() if one.fault is None and not isinstance(one.module, nn.Identity)]
    head = f"{settings.model} at {settings.input_size} px: layers of which a class activation map can be made"
    try:
        default = last_of(found).name
    except NoLayer:
        default = "none, for no convolution gives a map"
    return "\n".join(
        [
            f"{head}, in the order in which they run",
            "",
            *_table([HEAD, *map(_row, usable)]),
            "",
            f"layers: last    {default}",
            f"layers: all     the {len(convolutions_of(found))} of kind convolution",
            "layers: [A, B]  these; one or several of the table",
        ]
    )


def _row(layer: Layer) -> tuple[str, ...]:
    layout, shape = layer.layout, layer.shape
    assert layout is not None and shape is not None  # of a layer that can be taken
    channels = shape[0] if layout.order == "channels" else shape[-1]
    kind = "convolution" if layer.convolution else type(layer.module).__name__
    return layer.name, kind, str(channels), f"{layout.height} x {layout.width}"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{name:<{wide[0]}}  {kind:<{wide[1]}}  {channels:>{wide[2]}}  {places:>{wide[3]}}"
        for name, kind, channels, places in rows
    ]
