"""ONNX files as people have them: told by their content, and what their graph says of its input.

Read field by field without the package onnx, which not every job's environment has; tensors aren't looked at.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from advxai.common.errors import InputError, in_line, reading
from advxai.dialects.protobuf import BYTES, VARINT, fields, inner, number_of, opened, text_of
from advxai.dialects.reading import Reading

MODEL = "onnx"  # of `detector.model`
ANEW, KIND = "get it anew, or export the network again", "an ONNX file"
# Numbers of fields: of ModelProto, each with its wire type, of GraphProto, TensorProto and AttributeProto
GRAPH, OPSETS, FUNCTION = 7, 8, 25
FIELDS = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, GRAPH: BYTES, OPSETS: BYTES}
FIELDS |= dict.fromkeys((14, 20, 25, 26), BYTES)
NODE, TENSOR, INPUT, OUTPUT = 1, 5, 11, 12
NAME, EXTERNAL, LOCATION = 8, 13, 14
ATTRIBUTE, TENSORS, GRAPHS = 5, (5, 10), (6, 11)
FLOAT = 1
TYPES = {2: "UINT8", 3: "INT8", 6: "INT32", 7: "INT64", 10: "FLOAT16", 11: "DOUBLE", 16: "BFLOAT16"}
# Of GraphProto, AttributeProto and SparseTensorProto; and of FunctionProto: its nodes, and defaults of its attributes
SPARSE, SPARSES, SPARSE_PARTS = 15, (22, 23), (1, 2)
FUNCTION_NODE, FUNCTION_ATTRIBUTE = 7, 11
ROWS, PIXELS = 1024, 1024  # at most, of images at a time and of a side
DEEPEST = 20  # graphs within graphs


@dataclass(frozen=True)
class Value:
    """An input or output: its name, ONNX's number of its type, and its sides; None where one isn't fixed."""

    name: str
    kind: int
    sides: tuple[int | None, ...]


@dataclass(frozen=True)
class Header:
    """What a model says of itself: inputs that aren't constants, outputs, and names of the files of its tensors."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    external: tuple[str, ...]


def is_onnx(path: Path) -> bool:
    """Whether a file's content is an ONNX model; False if it can't be read.

    Its outermost fields are walked through, whatever its name: no other form of a detector's file is made of them.
    """
    try:
        with opened(path) as content:
            found = set[int]()
            for number, kind, _ in fields(content):
                if FIELDS.get(number) != kind or (not found and number not in (1, GRAPH)):
                    return False
                found.add(number)
            return {GRAPH, OPSETS} <= found
    except (OSError, ValueError):
        return False


def without_torch(named: object) -> str:
    """The sentence for whoever wants torch, or a GPU, to compute such a detector."""
    return (
        f"detector.backend: {named} is an ONNX file, which is computed on a CPU by onnxruntime or openvino, not by "
        "torch: set detector.backend to onnxruntime and detector.device to cpu"
    )


def no_gradients(rows: Mapping[str, str]) -> str:
    """Why such a detector can't have some rows.

    Args:
        rows: name -> method.
    """
    return f"{_why(rows)} the detector's module for: {_rows(rows)}"


def without_gradients(rows: Mapping[str, str]) -> str:
    """The sentence for whoever wants gradients of such a detector; `rows` as of `no_gradients`."""
    taken = "it" if len(rows) == 1 else "them"
    return (
        f"{_why(rows)} the detector's module for: take {taken} out, or give the detector's weights in a form that "
        f"torch reads: {_rows(rows)}"
    )


def _why(rows: Mapping[str, str]) -> str:
    return f"an ONNX file has no gradients, which {'this row asks' if len(rows) == 1 else 'these rows ask'}"


def _rows(rows: Mapping[str, str]) -> str:
    """Keys of rows; `video.CAM` is one of clips, frame by frame."""
    keys = {name: ".".join((*name.split(".")[:-1], "explainers", name.split(".")[-1])) for name in rows}
    return ", ".join(f"{keys[name]} ({method})" for name, method in rows.items())


def header(path: Path) -> Header:
    """What a model says of its inputs, outputs and files.

    Raises:
        InputError: it can't be read.
    """
    status = path.stat()
    with reading(path, ANEW, KIND):
        return _header(path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=16)
def _header(path: Path, *_: int) -> Header:
    with opened(path) as content:
        inputs, outputs, external, constant = list[Value](), list[Value](), set[str](), set[str]()
        for graph in inner(content, GRAPH):
            inputs += [_value(one) for one in inner(graph, INPUT)]
            outputs += [_value(one) for one in inner(graph, OUTPUT)]
            constant |= {text_of(one, NAME) for one in inner(graph, TENSOR)}
            external |= set(_locations(graph))
        for function in inner(content, FUNCTION):
            for attributes in (inner(function, FUNCTION_NODE, ATTRIBUTE), inner(function, FUNCTION_ATTRIBUTE)):
                external |= set(_of_attributes(attributes, 0))
    return Header(tuple(one for one in inputs if one.name not in constant), tuple(outputs), tuple(sorted(external)))


def _value(message: memoryview) -> Value:
    kind, sides = 0, list[int | None]()
    for tensor in inner(message, 2, 1):  # TypeProto.tensor_type
        kind = number_of(tensor, 1)
        sides = [number_of(side, 1) or None for side in inner(tensor, 2, 1)]
    return Value(text_of(message, 1), kind, tuple(sides))


def _locations(graph: memoryview, depth: int = 0) -> Iterator[str]:
    """Names of the files that a graph's tensors lie in, those of graphs and attributes within it too."""
    if depth > DEEPEST:
        raise ValueError("graphs are nested too deeply")
    yield from _named(inner(graph, TENSOR))
    _require_whole(inner(graph, SPARSE))
    yield from _of_attributes(inner(graph, NODE, ATTRIBUTE), depth)


def _of_attributes(attributes: Iterator[memoryview], depth: int) -> Iterator[str]:
    for attribute in attributes:
        for number in SPARSES:
            _require_whole(inner(attribute, number))
        for number in TENSORS:
            yield from _named(inner(attribute, number))
        for number in GRAPHS:
            for one in inner(attribute, number):
                yield from _locations(one, depth + 1)


def _named(tensors: Iterator[memoryview]) -> Iterator[str]:
    for tensor in tensors:
        if number_of(tensor, LOCATION) & 0xFFFFFFFF == 1:  # of 32 bits, as protobuf cuts it
            yield from (text_of(entry, 2) for entry in inner(tensor, EXTERNAL) if text_of(entry, 1) == "location")


def _require_whole(sparse: Iterator[memoryview]) -> None:
    for one in sparse:
        for number in SPARSE_PARTS:
            if any(_named(inner(one, number))):
                raise ValueError("a sparse tensor of its lies in another file")


def read(path: Path) -> Reading:
    """What a model says of itself: the side of its input where that is fixed.

    Raises:
        InputError: it can't be read, or takes or gives what no detector of face images does.
    """
    found = header(path)
    shape = image_input(found, path).sides
    layout = layout_of(shape, path)
    height, width = shape[2:] if layout == "NCHW" else shape[1:3]
    if height != width:
        raise InputError(f"{path}: its input is {width} x {height} px, where a square was expected: export it for one")
    out = [one.sides for one in found.outputs]
    outputs = out[0][1] if len(out) == 1 and len(out[0]) == 2 else None
    notes = [f"its input is {layout}", "it gives no gradients, only answers"]
    if batch := shape[0]:
        notes.append(f"its graph takes {batch} image{'s' * (batch > 1)} at a time, which is changed to any number")
    if outputs:
        notes.append(f"it has {outputs} output{'s' * (outputs > 1)}")
    seen = {"model": MODEL} | ({} if height is None else {"input_size": height})
    needs = [("classes",), ("mean",), ("std",)] + ([] if height else [("input_size",)])
    if outputs == 1:
        needs[1:1] = [("output",), ("positive",)]
    return Reading("ONNX", seen, notes=tuple(notes), needs=tuple(needs))


def parts(path: Path) -> list[Path]:
    """The file and those that its tensors lie in.

    Raises:
        InputError: it can't be read, or one of those isn't there.
    """
    names = header(path).external
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{path}: its tensors lie in {in_line(name)[:80]}, outside its folder: {ANEW}")
        if not os.path.isfile(path.parent / name):
            raise InputError(f"{path}: its tensors lie in {in_line(name)[:80]}, which isn't beside it: put it there")
    return [path, *(path.parent / name for name in names)]


def image_input(found: Header, path: Path) -> Value:
    """The input that takes the images.

    Raises:
        InputError: there isn't just one, or it takes no float32 images.
    """
    if len(found.inputs) != 1:
        names = ", ".join(in_line(one.name) for one in found.inputs) or "none"
        raise InputError(f"{path}: its graph has the inputs {names}: give one that takes images alone")
    (entry,) = found.inputs
    if entry.kind != FLOAT:
        raise InputError(
            f"{path}: its input is of type {TYPES.get(entry.kind, entry.kind)}, where NES needs the whole precision of "
            "float32: export it with float inputs and weights"
        )
    rows, largest = next(iter(entry.sides), None) or 1, max((side or 1 for side in entry.sides[1:]), default=1)
    if rows > ROWS or largest > PIXELS:
        raise InputError(
            f"{path}: its input is of {' x '.join(str(side or '?') for side in entry.sides[:6])}, where at most {ROWS} "
            f"images of {PIXELS} px a side are taken at a time: export it with a dynamic batch, for smaller images"
        )
    return entry


def layout_of(shape: tuple[int | None, ...], path: Path) -> str:
    """NCHW or NHWC.

    Raises:
        InputError: it is neither, or can't be told.
    """
    if len(shape) == 4 and shape[1] == 3:
        return "NCHW"
    if len(shape) == 4 and shape[3] == 3:
        return "NHWC"
    said = " x ".join("?" if side is None else str(side) for side in shape) or "not said"
    raise InputError(
        f"{path}: the shape of its input is {said}, where three channels were expected at the second or last place: "
        "export it for RGB images"
    )
