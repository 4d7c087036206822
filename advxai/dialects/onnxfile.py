"""ONNX files as people have them: told by their content, and what their graph says of its input.

The package onnx is imported where a file is one, for its header alone: tensors in other files aren't read.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from advxai.common.errors import InputError, in_line, reading
from advxai.dialects.reading import Reading

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

MODEL = "onnx"  # of `detector.model`
ANEW, KIND = "get it anew, or export the network again", "an ONNX file"
GRAPH, OPSETS = 7, 8  # protobuf fields of ModelProto, which every model has
FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, GRAPH: 2, OPSETS: 2, 14: 2, 20: 2, 25: 2, 26: 2}  # field -> wire type


def is_onnx(path: Path) -> bool:
    """Whether a file's content is an ONNX model; False if it can't be read.

    Its outermost fields are walked through, whatever its name: no other form of a detector's file is made of them.
    """
    try:
        with open(path, "rb") as file:
            return {GRAPH, OPSETS} <= set(_fields(file))
    except (OSError, ValueError):
        return False


def without_torch(named: object) -> str:
    """The sentence for whoever wants torch, or a GPU, to compute such a detector."""
    return (
        f"detector.backend: {named} is an ONNX file, which is computed on a CPU by onnxruntime or openvino, not by "
        "torch: set detector.backend to onnxruntime and detector.device to cpu"
    )


def _fields(file: BinaryIO) -> list[int]:
    """The numbers of a protobuf message's fields.

    Raises:
        ValueError: it is no message of ModelProto's fields alone.
    """
    end, found = file.seek(0, 2), list[int]()
    file.seek(0)
    while file.tell() < end:
        tag = _varint(file)
        if FIELDS.get(tag >> 3) != tag & 7 or (not found and tag >> 3 != 1 and tag >> 3 != GRAPH):
            raise ValueError("another message")
        length = _varint(file)
        if tag & 7 == 2 and file.seek(length, 1) > end:
            raise ValueError("cut off")
        found.append(tag >> 3)
        if len(found) > 100_000:
            raise ValueError("too many fields")
    return found


def _varint(file: BinaryIO) -> int:
    number = 0
    for place in range(10):
        byte = file.read(1)
        if not byte:
            break
        number |= (byte[0] & 127) << (7 * place)
        if byte[0] < 128:
            return number
    raise ValueError("no number")


def read(path: Path) -> Reading:
    """What a model says of itself: the side of its input where that is fixed.

    Raises:
        InputError: it can't be read, or takes or gives what no detector of face images does.
    """
    side, layout, outputs, batch = _shape(path, *_state(path))
    notes = [f"its input is {layout}", "it gives no gradients, only answers"]
    if batch:
        notes.append(f"its graph takes {batch} image{'s' * (batch > 1)} at a time, which is changed to any number")
    if outputs:
        notes.append(f"it has {outputs} output{'s' * (outputs > 1)}")
    seen = {"model": MODEL} | ({} if side is None else {"input_size": side})
    needs = [("classes",), ("mean",), ("std",)] + ([] if side else [("input_size",)])
    if outputs == 1:
        needs[1:1] = [("output",), ("positive",)]
    return Reading("ONNX", seen, notes=tuple(notes), needs=tuple(needs))


def parts(path: Path) -> list[Path]:
    """The file and those that its tensors lie in.

    Raises:
        InputError: it can't be read, or one of those isn't there.
    """
    return [path, *_external(path, *_state(path))]


def model_of(path: Path) -> "ModelProto":
    """The model, without tensors that lie in other files.

    Raises:
        InputError: it can't be read.
    """
    import onnx

    with reading(path, ANEW, KIND):
        return onnx.load(str(path), load_external_data=False)


def image_input(model: "ModelProto", path: Path) -> "ValueInfoProto":
    """The input that takes the images.

    Raises:
        InputError: there isn't just one, or it takes no float32 images.
    """
    import onnx

    constant = {one.name for one in model.graph.initializer}
    inputs: list[ValueInfoProto] = [one for one in model.graph.input if one.name not in constant]
    if len(inputs) != 1:
        names = ", ".join(in_line(one.name) for one in inputs) or "none"
        raise InputError(f"{path}: its graph has the inputs {names}: give one that takes images alone")
    kind = inputs[0].type.tensor_type.elem_type
    if kind != onnx.TensorProto.FLOAT:
        name = {value: name for name, value in onnx.TensorProto.DataType.items()}.get(kind, str(kind))
        raise InputError(
            f"{path}: its input is of type {name}, where NES needs the whole precision of float32: export it with "
            "float inputs and weights"
        )
    return inputs[0]


def sides(value: "ValueInfoProto") -> list[int | None]:
    """The shape of an input or output; None where it isn't fixed."""
    shape = value.type.tensor_type.shape
    return [one.dim_value if one.HasField("dim_value") and one.dim_value > 0 else None for one in shape.dim]


def layout_of(shape: list[int | None], path: Path) -> str:
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


@lru_cache(maxsize=16)
def _shape(path: Path, *state: int) -> tuple[int | None, str, int | None, int | None]:
    """Side, layout, outputs and fixed batch of a model; None where it doesn't fix them."""
    model = model_of(path)
    shape = sides(image_input(model, path))
    layout = layout_of(shape, path)
    height, width = (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])
    if height != width:
        raise InputError(f"{path}: its input is {width} x {height} px, where a square was expected: export it for one")
    out = [sides(one) for one in model.graph.output]
    outputs = out[0][1] if len(out) == 1 and len(out[0]) == 2 else None
    return height, layout, outputs, shape[0]


@lru_cache(maxsize=16)
def _external(path: Path, *state: int) -> tuple[Path, ...]:
    import onnx

    names = set[str]()
    for tensor in onnx.external_data_helper._get_all_tensors(model_of(path)):  # subgraphs' and attributes' too
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            names |= {entry.value for entry in tensor.external_data if entry.key == "location"}
    for name in sorted(names):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{path}: its tensors lie in {in_line(name)[:80]}, outside its folder: {ANEW}")
        if not (path.parent / name).is_file():
            raise InputError(f"{path}: its tensors lie in {in_line(name)[:80]}, which isn't beside it: put it there")
    return tuple(path.parent / name for name in sorted(names))


def _state(path: Path) -> tuple[int, int, int]:
    """What a file was when it was looked at: another one's answers aren't remembered for it."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
