"""A network as an ONNX graph: what OpenVINO and ONNX Runtime compute, kept beside the detector's weights.

A job whose forwards go through such a graph needs neither the module nor the packages that build it, whose imports take
several times as long as torch's own. A graph's file is an ONNX model like any other; its last metadata entry says of
which weights, network and code it was made, and what the module answered, so that a graph of others is never used.
"""

import hashlib
import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.files import publish
from advxai.common.usercode import code_sha256
from advxai.run.environment import installed_version
from advxai.run.weights import KEY

SUFFIX = ".onnx"
_ENTRY = 0x72  # protobuf: field 14 of ModelProto (metadata_props), length-delimited
_NAME, _VALUE = 0x0A, 0x12  # fields 1 and 2 of StringStringEntryProto
_BEGINS = bytes([_NAME, len(KEY)]) + KEY.encode() + bytes([_VALUE])


@dataclass(frozen=True)
class Graph:
    """A network that has been exported.

    Attributes:
        onnx: the model: `images` (n, 3, size, size) normalised float32 -> the module's outputs, for any n.
        answers: of the module in torch (`advxai.detector.logits.answers`).
        versions: of the packages that made it, by name.
        by: what gave the answers: torch or, of a graph without a module, what ran it.
    """

    onnx: bytes
    answers: tuple[tuple[float, ...], ...]
    versions: dict[str, str]
    by: str = "torch"


@dataclass(frozen=True)
class Made:
    """What a graph was made from.

    Attributes:
        weights: SHA-256 of the file of the weights.
        model: `detector.model`.
        classes: what its outputs are, as of `Classes.head`.
        input_size: side in pixels.
        code: SHA-256 of the user's own code that builds the model; None: timm does.
    """

    weights: str
    model: str
    classes: dict[str, Any]
    input_size: int
    code: str | None

    @classmethod
    def of(cls, weights: str, model: str, classes: Classes, input_size: int) -> "Made":
        """As of now: the code is the present one."""
        code = code_sha256(model.partition(":")[0]) if ":" in model else None
        return cls(weights, model, classes.head, input_size, code)


def graph_file(weights: Path) -> Path:
    """The graph beside a detector's file of weights."""
    return weights.with_suffix(SUFFIX)


def export(module: nn.Module, size: int, wanted: Tensor) -> Graph:
    """A module as a graph for any batch size.

    Args:
        module: in evaluation mode, on the CPU; stays as it is.
        size: side of its input.
        wanted: its `answers`.

    Raises:
        Exception: the exporter's or torch's own; the module can't be traced.
    """
    file = io.BytesIO()
    image = torch.zeros((2, 3, size, size))  # a whole batch would take a gigabyte more
    with warnings.catch_warnings(), torch.no_grad(), _silence():
        warnings.simplefilter("ignore")  # of the traced exporter, six times as fast as the one that replaces it
        torch.onnx.export(
            module,
            (image,),
            file,  # type: ignore[arg-type]  # which the traced exporter writes to as well as to a path
            dynamo=False,
            input_names=["images"],
            dynamic_axes={"images": {0: "n"}},
        )
    names = ("torch", "timm", *(["transformers"] if of_transformers(module) else []))
    versions = {name: installed_version(name) for name in names}
    return Graph(file.getvalue(), tuple(map(tuple, wanted.tolist())), {k: v for k, v in versions.items() if v})


def of_transformers(module: nn.Module) -> bool:
    """Whether the library transformers has a part in a module, so that its version may change the last bits."""
    return any(type(one).__module__.startswith("transformers.") for one in module.modules())


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what C++ prints off the screen: of a failed trace the exporter prints the whole graph."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    try:
        with open(os.devnull, "w") as nowhere:
            for number in (1, 2):
                os.dup2(nowhere.fileno(), number)
        yield
    finally:
        for number, handle in zip((1, 2), kept, strict=True):
            os.dup2(handle, number)
            os.close(handle)


def keep(graph: Graph, path: Path, made: Made) -> None:
    """Put a graph beside the weights that it was made from, atomically; a folder that can't be written to is said.

    Args:
        graph: whose answers have been compared with its own module's.
        path: the weights' file.
        made: what it was made from.
    """
    said = {"answers": graph.answers, "versions": graph.versions, "made": asdict(made)}
    content = graph.onnx + _entry(_text(said | {"seal": _seal(graph.onnx, said)}))
    try:
        publish(graph_file(path), lambda file: file.write_bytes(content))
    except OSError as error:
        logging.warning("%s can't be written (%s): each job builds the network", graph_file(path), error.strerror)


def read(path: Path, made: Made) -> Graph | None:
    """The graph beside a file of weights; None: there is none, or it isn't whole or of anything else.

    Args:
        path: the weights' file.
        made: what it must have been made from.
    """
    try:
        content = graph_file(path).read_bytes()
    except OSError:
        return None
    said = _said(content)
    if said is None or said.get("made") != asdict(made):
        return None
    onnx = content.removesuffix(_entry(_text(said)))
    if _seal(onnx, {name: value for name, value in said.items() if name != "seal"}) != said.get("seal"):
        logging.warning("%s isn't as it was written: it is made anew", graph_file(path))
        return None
    return Graph(onnx, tuple(map(tuple, said["answers"])), said["versions"])


def _text(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True)


def _seal(onnx: bytes, said: dict[str, Any]) -> str:
    """SHA-256 of the model and of what is said of it."""
    digest = hashlib.sha256(onnx)
    digest.update(_text(said).encode())
    return digest.hexdigest()


def _said(content: bytes) -> dict[str, Any] | None:
    """The last metadata entry of a model, if it is ours."""
    _, found, rest = content[-(1 << 20) :].rpartition(_BEGINS)
    try:
        said = json.loads(rest[len(_varint(_length(rest))) :]) if found else None
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _entry(text: str) -> bytes:
    """A metadata entry, which may stand at the end of any serialised model."""
    value = text.encode()
    inner = _BEGINS + _varint(len(value)) + value
    return bytes([_ENTRY]) + _varint(len(inner)) + inner


def _varint(number: int) -> bytes:
    """A whole number as protobuf writes it: seven bits a byte, the lowest first."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def _length(content: bytes) -> int:
    """The whole number that bytes begin with."""
    number = 0
    for place, part in enumerate(content[:5]):
        number |= (part & 127) << (7 * place)
        if part < 128:
            return number
    raise ValueError("no length")
