"""Weights in the HDF5 files of Keras 2: read as plain arrays, and turned into the state of a network of ours.

Nothing in such a file is unpickled or evaluated, links out of it aren't followed, and the model's own description of
itself isn't read: which network it is, the caller says, and numbers and shapes of the layers must agree.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advxai.common.errors import InputError, reading

if TYPE_CHECKING:
    from torch import Tensor

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST = 1 << 30  # bytes of a tensor: a small file can claim any size

# Keras's kinds of layers: what each weight is called here, and which of its axes come in which order.
_KINDS: dict[str, dict[str, tuple[str, tuple[int, ...]]]] = {
    "conv2d": {"kernel": ("weight", (3, 2, 0, 1)), "bias": ("bias", (0,))},
    "dense": {"kernel": ("weight", (1, 0)), "bias": ("bias", (0,))},
    "batch_normalization": {
        "gamma": ("weight", (0,)),
        "beta": ("bias", (0,)),
        "moving_mean": ("running_mean", (0,)),
        "moving_variance": ("running_var", (0,)),
    },
}
_NAME = re.compile(r"(.+?)(?:_([0-9]{1,9}))?", re.DOTALL)
_ANOTHER = "use another file"
# Layers whose shapes aren't the network's own
_REMEDIES = {
    "hidden": "set detector.input_size to that of the images that it has learnt from",
    "output": "set detector.output and detector.classes to what its last layer has",
}


def is_keras(path: Path) -> bool:
    """Whether a file has the signature of HDF5, the form of Keras's weights; False if it can't be read."""
    try:
        with open(path, "rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False


def read_keras(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a file that Keras 2 has written by `save_weights`, or by `save` as a whole model.

    Returns:
        float32 arrays in Keras's layout (kernels as height, width, in, out), by "layer/weight": "conv2d_1/kernel".

    Raises:
        InputError: it can't be read, isn't of that form, or a tensor isn't of finite floats.
    """
    import h5py  # planning asks `is_keras` alone

    tensors: dict[str, NDArray[np.float32]] = {}
    size = 0

    def add(place: str | bytes, item: Any) -> None:
        nonlocal size
        if isinstance(place, bytes):  # a name that is no UTF-8
            place = place.decode(errors="replace")
        *_, layer, weight = ("", *place.split("/"))
        if not isinstance(item, h5py.Dataset) or not layer:
            return
        name = f"{layer}/{weight.partition(':')[0]}"  # TensorFlow's number of the output: kernel:0
        if layer == "vars":
            raise InputError(_form(path))
        if not name.isprintable():
            raise InputError(f"{path}: holds a tensor called {name!a}; {_ANOTHER}")
        if name in tensors:
            raise InputError(f"{path}: holds two tensors called {name}; save the network as one model, none inside")
        tensors[name] = _array(item, f"{path}: {name}")
        size += tensors[name].nbytes
        if size > LARGEST:
            raise InputError(f"{path}: its tensors are over a gigabyte together; {_ANOTHER}")

    with reading(path, "download or copy it again", "HDF5"), h5py.File(path, "r", locking=False) as file:
        whole = file.get("model_weights")
        (whole if isinstance(whole, h5py.Group) else file).visititems(add)  # it follows no links
    if not tensors:
        raise InputError(_form(path))
    return tensors


def _form(path: Path) -> str:
    return f"{path}: holds no weights in the form of Keras 2; save them by its model.save_weights, to a file *.h5"


def _array(item: Any, named: str) -> NDArray[np.float32]:
    """A dataset as float32.

    Raises:
        InputError: it isn't of finite floats, too large, or lies in another file.
    """
    if item.shape is None or item.dtype.kind != "f":
        raise InputError(f"{named} isn't a tensor of floats; {_ANOTHER}")
    if item.is_virtual or item.external or item.nbytes > LARGEST:
        raise InputError(f"{named} is over a gigabyte or lies in another file; {_ANOTHER}")
    with np.errstate(over="ignore"):
        array = np.asarray(item[()]).astype(np.float32)
    if not np.isfinite(array).all():
        raise InputError(f"{named} holds NaN or infinity; {_ANOTHER}")
    return array


def network_of(path: Path) -> str:
    """Which of our networks a file of Keras is of, by the numbers of its layers of each kind.

    Raises:
        InputError: the file can't be read, or is of none.
    """
    from advxai.detector.networks.meso import KERAS_LAYERS

    found = {kind: len(layers) for kind, layers in _by_kind(read_keras(path)).items()}
    for name, kinds in KERAS_LAYERS.items():
        if found == {kind: len(modules) for kind, modules in kinds.items()}:
            return name
    layers = ", ".join(f"{count} {kind}" for kind, count in found.items())
    raise InputError(f"{path}: is of none of {', '.join(KERAS_LAYERS)}: it has the layers {layers}; {_ANOTHER}")


def state_from_keras(path: Path, name: str, outputs: int = 1, input_size: int | None = None) -> dict[str, Tensor]:
    """The state dict of a network of ours from a file of Keras.

    Layers of a kind are matched in the order of their numbers, wherever these begin: a session of Keras counts on.

    Args:
        path: the file.
        name: the network's, of `NETWORKS`.
        outputs: how many logits it has.
        input_size: side of its input in pixels; None: as published.

    Raises:
        InputError: the file can't be read, or is of another network; there is no way from Keras to this network.
    """
    import torch

    from advxai.detector.networks import build
    from advxai.detector.networks.meso import KERAS_LAYERS

    if name not in KERAS_LAYERS:
        known = " or ".join(KERAS_LAYERS)
        raise InputError(
            f"{path}: Keras's weights are read for {known}, not {name}; set detector.model to one of these"
        )
    with torch.device("meta"):  # only for its shapes
        wanted = build(name, outputs, input_size).state_dict()
    other = f"{path}: isn't of {name}: "
    remedy = "set detector.model to the network that it was saved from"
    found = _by_kind(read_keras(path))
    strange = [layer for kind, layers in found.items() if kind not in KERAS_LAYERS[name] for layer, _ in layers]
    if strange:
        raise InputError(f"{other}it has a layer {strange[0]}; {remedy}")
    state: dict[str, Tensor] = {}
    for kind, modules in KERAS_LAYERS[name].items():
        layers = found.get(kind, [])
        if len(layers) != len(modules):
            raise InputError(f"{other}it has {len(layers)} layers {kind}, not {len(modules)}; {remedy}")
        for module, (layer, weights) in zip(modules, layers, strict=True):
            if set(weights) != set(_KINDS[kind]):
                has, needs = (", ".join(sorted(names)) for names in (weights, _KINDS[kind]))
                raise InputError(f"{other}its {layer} has the weights {has}, not {needs}; {remedy}")
            for weight, (parameter, axes) in _KINDS[kind].items():
                array, key = weights[weight], f"{module}.{parameter}"
                shape = tuple(wanted[key].shape[axes.index(axis)] for axis in range(len(axes)))
                if array.shape != shape:
                    mend = _REMEDIES.get(module, remedy)
                    raise InputError(f"{other}its {layer}/{weight} has the shape {array.shape}, not {shape}; {mend}")
                state[key] = torch.from_numpy(np.ascontiguousarray(array.transpose(axes)))
            if kind == "batch_normalization":
                state[f"{module}.num_batches_tracked"] = torch.tensor(0)
    return {key: state[key] for key in wanted}


def _by_kind(tensors: dict[str, NDArray[np.float32]]) -> dict[str, list[tuple[str, dict[str, NDArray[np.float32]]]]]:
    """Layers of each kind as (name, weights), in the order of their numbers; the first of tf.keras has none."""
    layers: dict[str, dict[str, NDArray[np.float32]]] = {}
    for name, array in tensors.items():
        layer, _, weight = name.partition("/")
        layers.setdefault(layer, {})[weight] = array
    numbered = []
    for layer in layers:
        matched = _NAME.fullmatch(layer)
        assert matched is not None  # any name does
        kind, number = matched.groups(default="0")
        numbered.append((kind, int(number), layer))
    found: dict[str, list[tuple[str, dict[str, NDArray[np.float32]]]]] = {}
    for kind, _, layer in sorted(numbered):
        found.setdefault(kind, []).append((layer, layers[layer]))
    return found
