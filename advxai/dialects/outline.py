"""What a file of weights holds: its tensors' names and shapes and how they were wrapped, without torch or a number."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from advxai.common.errors import in_line, reading
from advxai.dialects.header import safetensors_header
from advxai.dialects.marks import Inert, Placed, state_of
from advxai.dialects.torchfile import opened

# Keys under which trainings keep the weights. The average of an optimiser's path comes last: it is taken where there is
# nothing else.
CONTAINERS = (
    "state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module", "generator",
    "state_dict_ema", "model_ema", "ema",
)  # fmt: skip
AVERAGES = CONTAINERS[-3:]
WRAPPED = 3  # containers in one another, at most
KIND, ANEW = "a weights file", "get or save it anew"
_SAFE_KINDS = {"F": "f", "B": "b", "I": "i", "U": "u"}  # BF16 is told apart by its second letter


class Shaped(NamedTuple):
    """A tensor's shape and the kind of its numbers: f(loat), b(float16), i(nteger), u(nsigned), ?(bool)."""

    shape: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class Outline:
    """What is known of a file of weights before a number is read.

    Attributes:
        tensors: in the file's order; a safetensors file has them sorted.
        container: keys that led to them, outermost first; (): they were all there was.
        module: class of the pickled module that they were taken from, as "package.module.Class"; "": none.
        lightning: a training of Lightning has written it.
        averaged: it holds a moving average of the weights as well, which isn't what is read.
    """

    tensors: Mapping[str, Shaped]
    container: tuple[str, ...] = ()
    module: str = ""
    lightning: bool = False
    averaged: bool = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tensor.shape for name, tensor in self.tensors.items()}


class Unwrapped(NamedTuple):
    """What a file's content has of weights: their entries by name, the keys that led there, the pickled module's class,
    and whether an average lies beside them."""

    entries: dict[Any, Any]
    container: tuple[str, ...]
    module: str
    averaged: bool


def outline(path: Path) -> Outline | None:
    """The outline of a safetensors file or a file of torch; None: it is of neither form, or isn't there.

    Raises:
        InputError: it is damaged.
    """
    if not os.path.isfile(path):
        return None
    status = path.stat()
    return _outline(path, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=16)
def _outline(path: Path, *_: int) -> Outline | None:
    with reading(path, ANEW, KIND):
        header = safetensors_header(path)
        if header is not None:
            return Outline({name: _safe(value) for name, value in header.items() if name != "__metadata__"})
        with opened(path) as file:
            return None if file is None else _of_torch(file.content)


def _safe(value: Mapping[str, Any]) -> Shaped:
    shape, kind = value.get("shape"), str(value.get("dtype"))
    if not isinstance(shape, list) or not all(isinstance(side, int) for side in shape):
        raise ValueError("its header doesn't say the shapes of its tensors")
    return Shaped(tuple(shape), "?" if kind == "BOOL" else "b" if kind == "BF16" else _SAFE_KINDS.get(kind[:1], kind))


def _of_torch(content: Any) -> Outline:
    found = unwrapped(content, lambda value: isinstance(value, Placed))
    tensors = {
        name: Shaped(value.shape, value.storage.kind[0])
        for name, value in found.entries.items()
        if isinstance(name, str) and isinstance(value, Placed)
    }
    lightning = isinstance(content, dict) and "pytorch-lightning_version" in content
    return Outline(tensors, found.container, found.module, lightning, found.averaged)


def unwrapped(content: Any, is_tensor: Callable[[Any], bool]) -> Unwrapped:
    """The weights in what a file holds: a dictionary of tensors, or one inside it, or a pickled module's.

    Args:
        content: as torch reads it, or as plain Python and marks.
        is_tensor: tells a tensor.

    Returns:
        Entries {}: there are none. Those that aren't tensors are among them.

    Raises:
        ValueError: a pickled module has parts in one another without end.
    """
    keys: list[str] = []
    averaged = False
    for _ in range(WRAPPED + 1):
        if isinstance(content, Inert) and content.is_module:
            return Unwrapped(state_of(content), tuple(keys), str(content.named), averaged)
        if isinstance(content, Inert):  # a dictionary of a class of its own, such as fvcore's
            content = content.items
        if not isinstance(content, dict):
            break
        inside = [key for key in CONTAINERS if _holds(content.get(key), is_tensor)]
        if not inside:
            own = any(is_tensor(value) for value in content.values())
            only = [] if own else [key for key, value in content.items() if _holds(value, is_tensor)]
            if len(only) != 1 or not isinstance(only[0], str) or "optim" in only[0]:
                empty = not own and "state_dict" in content
                return Unwrapped({} if empty else content, tuple(keys), "", averaged)
            inside = only
        averaged = averaged or (inside[0] not in AVERAGES and any(key in AVERAGES for key in inside))
        _require_one(content, inside[0], is_tensor)
        keys.append(inside[0])
        content = content[inside[0]]
    return Unwrapped({}, tuple(keys), "", averaged)


def _require_one(content: dict[Any, Any], chosen: str, is_tensor: Callable[[Any], bool]) -> None:
    """Refuse a file that holds other weights beside those that would be taken, such as a discriminator's: which of them
    are the detector's, it doesn't say. An optimiser, a loss or an average is none.

    Raises:
        ValueError: names both.
    """
    least = _count(content[chosen], is_tensor) / 2
    for key, value in content.items():
        other = isinstance(key, str) and key != chosen and key not in AVERAGES and "optim" not in key
        if other and _count(value, is_tensor) > max(least, 1):
            raise ValueError(
                f"it holds weights under {chosen} and under {in_line(key)[:80]}: save the detector's alone"
            )


def _count(value: Any, is_tensor: Callable[[Any], bool], depth: int = WRAPPED) -> int:
    """Tensors in dictionaries in one another."""
    value = value.items if isinstance(value, Inert) and not value.is_module else value
    if not isinstance(value, dict) or depth < 0:
        return int(is_tensor(value))
    return sum(_count(part, is_tensor, depth - 1) for part in value.values())


def _holds(value: Any, is_tensor: Callable[[Any], bool]) -> bool:
    """Whether a value is weights, or a dictionary around them."""
    if isinstance(value, Inert):
        if value.is_module:
            return True
        value = value.items
    if not isinstance(value, dict):
        return False
    return any(is_tensor(one) for one in value.values()) or any(
        isinstance(value.get(key), dict | Inert) for key in ("state_dict", "model_state_dict", "model", "net")
    )
