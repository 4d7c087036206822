"""The tensors of a file of weights, whatever its form, on the CPU. No code of a file is run."""

import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from advxai.common.errors import InputError, named, reading
from advxai.dialects.header import SUFFIX, safetensors_header
from advxai.dialects.marks import Placed, named_in
from advxai.dialects.outline import ANEW, KIND, outline, unwrapped
from advxai.dialects.torchfile import opened

_TYPES = {
    "f8": torch.float64, "f4": torch.float32, "f2": torch.float16, "b2": torch.bfloat16, "i8": torch.int64,
    "i4": torch.int32, "i2": torch.int16, "i1": torch.int8, "u1": torch.uint8, "?1": torch.bool,
    "c8": torch.complex64, "c16": torch.complex128,
}  # fmt: skip
_NAMED = 5  # classes that a message names


def is_safetensors(file: Path) -> bool:
    """Whether a file is to be read as safetensors: by its suffix, or by its first bytes.

    Raises:
        InputError: it is, and is damaged.
    """
    with reading(file, ANEW, KIND):
        return file.suffix.lower() == SUFFIX or safetensors_header(file) is not None


def read_tensors(file: Path) -> dict[Any, Any]:
    """What a .safetensors file or a torch file holds of weights, out of whatever they are wrapped in.

    A whole pickled module gives its state dict; its class isn't looked for, and neither are others that were pickled
    beside the weights.

    Returns:
        Name -> tensor. Of a torch file also what else its dictionary has; {}: it holds no weights.

    Raises:
        InputError: not there, or damaged.
    """
    if not file.is_file():
        raise InputError(f"{file}: no such file; correct the path in the configuration")
    with reading(file, ANEW, KIND):
        if is_safetensors(file):
            return load_file(file)
        if outline(file) is None:  # which bounds what torch would take of memory
            raise ValueError("it is damaged or no torch file" if file.stat().st_size else "it is empty")
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:  # it has more than tensors, or isn't torch's at all
            return _left_alone(file)
        return unwrapped(content, lambda value: isinstance(value, Tensor)).entries


def _left_alone(file: Path) -> dict[Any, Any]:
    """The weights of a file that has pickled code, none of which is run."""
    with opened(file) as torch_file:
        if torch_file is None:
            raise ValueError("it is damaged or no torch file")
        found = unwrapped(torch_file.content, lambda value: isinstance(value, Placed))
        placed = {name: value for name, value in found.entries.items() if isinstance(value, Placed)}
        numbers = torch_file.numbers(value.storage for value in placed.values())
        names = named_in(torch_file.content)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    logging.info(
        "%s: holds pickled code (%s%s), which isn't run: its tensors alone are read",
        file, ", ".join(map(named, names[:_NAMED])), more,
    )  # fmt: skip
    return {name: _tensor(value, numbers) if isinstance(value, Placed) else value
            for name, value in found.entries.items()}  # fmt: skip


def _tensor(placed: Placed, numbers: Mapping[str, bytearray]) -> Tensor:
    storage, data = placed.storage, numbers[placed.storage.key]
    kind = _TYPES[storage.kind]
    whole = torch.frombuffer(data, dtype=kind) if data else torch.empty(0, dtype=kind)
    found = whole.as_strided(placed.shape, placed.stride, storage.start + placed.offset)
    return -found if placed.negated else found


def shape(tensor: Tensor) -> str:
    """'32x3x3x3', or 'scalar'."""
    return "x".join(map(str, tensor.shape)) or "scalar"


def strange(name: object, value: object) -> str:
    """What an entry of a state dict is, if it is no plain tensor by a name; else nothing."""
    if not isinstance(name, str):
        return f"the entry {ascii(name)[:80]} has no name"
    if not isinstance(value, Tensor):
        return f"{named(name)} isn't a tensor"
    plain = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
    return "" if plain and not value.is_complex() else f"{named(name)} is a tensor of a kind that no detector has"


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Name of the first tensor that holds NaN or infinity; None: there is none."""
    return next((name for name, value in tensors.items() if not bool(value.isfinite().all())), None)
