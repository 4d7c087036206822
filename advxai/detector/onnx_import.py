"""ONNX files of others, made into graphs as ours are: `images` (n, 3, size, size) in, logits out, for any n.

What is changed is compared with what the file itself answers. Weights stay as they are.
"""

import contextlib
import io
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advxai.common.classes import Classes
from advxai.common.errors import InputError, in_line, reading
from advxai.detector.backends import CLOSE, import_openvino, installed
from advxai.detector.graph import Graph
from advxai.detector.logits import ANOTHER, ROWS, per_class, random_images
from advxai.dialects import onnxfile
from advxai.dialects.onnxfile import ANEW, KIND
from advxai.run.environment import installed_version

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

INPUT, BATCH = "images", "n"
INNER, CUT, TURNED, CHANNELS = "advxai_given", "advxai_logits", "advxai_turned", "advxai_channels"  # are added
RESHAPING = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
LINEAR = ("Gemm", "MatMul", "Add", "Sub", "Conv", "LogSoftmax")  # whose output isn't a probability, whatever its range
LOWERED = re.compile("Quantize|QLinear|Integer")
TINY = float(np.finfo(np.float32).tiny)

Arrays = list[NDArray[Any]]
Opened = Callable[[bytes], Callable[[dict[str, NDArray[np.float32]]], Arrays]]  # model -> (inputs -> outputs)


def graph_of(path: Path, classes: Classes, size: int, blue_first: bool = False) -> Graph:
    """The graph of a file, which takes images red first.

    Args:
        path: an ONNX file; tensors in files beside it are taken along.
        classes: what its outputs are.
        size: side of its input in pixels.
        blue_first: the file itself takes images blue first.

    Raises:
        InputError: it can't be read or run, is for images of another size, its outputs aren't those of these classes,
            or it can't take any number of images at a time.
    """
    model = _whole(path)
    entry = onnxfile.image_input(onnxfile.header(path), path)
    shape = entry.sides
    layout = onnxfile.layout_of(shape, path)
    fixed = shape[2]
    if layout == "NHWC":
        fixed = shape[1]
    if fixed not in (None, size):
        raise InputError(f"detector.input_size: {path} takes images of {fixed} px: set it to that, not to {size}")
    rows = shape[0] or ROWS
    images = random_images(max(rows, ROWS), 3, size, size)
    by, opened = _runner(path)
    with reading(path, ANEW, KIND):
        seen = images.flip(1) if blue_first else images
        given = opened(model.SerializeToString())({entry.name: _laid(seen[:rows], layout)})
    name, raw = _output(model, given, classes, rows, path)
    wanted, how = _probabilities(model, name, raw, classes, path)
    fault = ""
    for way, said in how:
        changed = _copied(model)
        _open(changed.graph, entry.name, layout, size, shape[0], blue_first)
        way(changed.graph, name)
        _close(changed.graph, classes.outputs)
        onnx = changed.SerializeToString()
        found = _tried(opened, onnx, images, classes, wanted)
        if isinstance(found, str):
            fault = found
        else:
            logging.info("%s: read as ONNX, %s, %s", path, layout, said)
            answers = tuple(map(tuple, found[:ROWS].tolist()))
            versions = {one: version for one in ("onnx", by) if (version := installed_version(one))}
            return Graph(onnx, answers, versions, by)
    batch = f" (it is made for {shape[0]})" if shape[0] else ""
    raise InputError(
        f"{path}: its graph can't be changed to take any number of images at a time{batch}, {fault}: export it with a "
        "dynamic batch and logits as its output"
    )


def _runner(path: Path) -> tuple[str, Opened]:
    """What runs a file as it is, by its name; OpenVINO only where ONNX Runtime isn't installed."""
    there = installed()
    if "onnxruntime" in there:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it says on the screen is said in a line here

        def by_onnxruntime(onnx: bytes) -> Callable[[dict[str, NDArray[np.float32]]], Arrays]:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it also raises
                session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
            return lambda inputs: list(session.run(None, inputs))

        return "onnxruntime", by_onnxruntime
    if "openvino" not in there:
        raise InputError(
            f"{path} is an ONNX file, for which neither onnxruntime nor openvino is installed here: install one"
        )
    core = import_openvino().Core()

    def by_openvino(onnx: bytes) -> Callable[[dict[str, NDArray[np.float32]]], Arrays]:
        compiled = core.compile_model(core.read_model(onnx), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return lambda inputs: [array.copy() for array in compiled(inputs).values()]

    return "openvino", by_openvino


def _whole(path: Path) -> "ModelProto":
    """The model with the tensors of other files in it."""
    import onnx

    for part in onnxfile.parts(path)[1:]:  # all are there, and in its folder
        if part.resolve() != path.parent.resolve() / part.relative_to(path.parent):
            raise InputError(
                f"{path}: its tensors lie in {in_line(part.name)[:80]}, which is a link, and the package onnx follows "
                "none: put a real copy of that file there (cp --dereference copies a folder so)"
            )
    with reading(path, ANEW, KIND):
        model = onnx.load(str(path), load_external_data=False)
        onnx.load_external_data_for_model(model, str(path.parent))
        lowered = next((node.op_type for node in model.graph.node if LOWERED.search(node.op_type)), None)
        half = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
        if lowered or any(one.data_type in half for one in model.graph.initializer):
            raise ValueError(f"it computes with less than float32 ({lowered or 'float16'}), where NES sees no slope")
        if model.ByteSize() > onnx.checker.MAXIMUM_PROTOBUF:
            raise ValueError("with its tensors it has more than 2 GB")
    return model


def _copied(model: "ModelProto") -> "ModelProto":
    import onnx

    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def _laid(images: Tensor, layout: str) -> NDArray[np.float32]:
    arranged = images if layout == "NCHW" else images.permute(0, 2, 3, 1)
    return np.ascontiguousarray(arranged.numpy())


def _output(
    model: "ModelProto", given: Arrays, classes: Classes, rows: int, path: Path
) -> tuple[str, NDArray[np.float32]]:
    """The output with a number a class, or one, for each image: its name, and what it answers (rows, outputs)."""
    named = list(zip((one.name for one in model.graph.output), given, strict=True))
    for name, array in named:
        if not isinstance(array, np.ndarray):
            raise InputError(
                f"{path}: its output {in_line(name)[:40]} is a {type(array).__name__}, where a tensor was expected: "
                "export the logits alone"
            )
    fits = [
        (name, array)
        for name, array in named
        if array.dtype == np.float32 and array.shape[:1] == (rows,) and array.size == rows * classes.outputs
    ]
    if len(fits) != 1:
        shown = ", ".join(f"{in_line(name)[:40]} {array.dtype} {tuple(array.shape)}" for name, array in named)
        needed = f"{classes.outputs} float32 number{'s' * (classes.outputs > 1)} an image"
        raise InputError(
            f"{path}: its outputs are {shown} for {rows} images, where one of {needed} was expected: set "
            f"detector.classes (and detector.output), which are {', '.join(classes.names)}, or export that alone"
        )
    name, array = fits[0]
    if not np.isfinite(array).all():
        raise InputError(f"{path} answers random images with NaN or infinity; {ANOTHER}")
    return name, array.reshape(rows, classes.outputs)


Way = Callable[["GraphProto", str], None]


def _probabilities(
    model: "ModelProto", name: str, raw: NDArray[np.float32], classes: Classes, path: Path
) -> tuple[Tensor, list[tuple[Way, str]]]:
    """What its answers mean, as probabilities (rows, classes), and the ways to have logits of its graph."""
    answers = torch.from_numpy(raw)
    last = _last(model.graph, name)
    kind = last.op_type if last else ""
    single = classes.outputs == 1
    if kind == "Sigmoid" and not single:
        raise InputError(
            f"{path}: each of its {classes.outputs} outputs is a sigmoid of its own, which no detector here has: set "
            "detector.output to sigmoid and export it with one output, or with a softmax"
        )
    within = bool((answers >= 0).all() and (answers <= 1).all())
    whole = within and (single or bool((answers.sum(dim=1) - 1).abs().max() < 1e-3))
    if kind not in ("Softmax", "Sigmoid") and (not whole or kind in LINEAR):
        return per_class(answers, classes).softmax(dim=1), [(_as_it_is, "its outputs are logits")]
    if single:
        wanted = torch.cat((answers, 1 - answers) if classes.positive == 0 else (1 - answers, answers), dim=1)
    else:
        wanted = answers
    ways = [(_logs(single), "its outputs are probabilities, turned into logits by their logarithm")]
    if kind in ("Softmax", "Sigmoid"):
        ways.insert(0, (_cut, f"cut before its last node, {kind}, whose inputs are logits"))
    return wanted, ways


def _last(graph: "GraphProto", name: str) -> "NodeProto | None":
    """The node that makes an output, behind those that only give it another shape."""
    made: dict[str, NodeProto] = {output: node for node in graph.node for output in node.output}
    node = made.get(name)
    while node is not None and node.op_type in RESHAPING:
        node = made.get(node.input[0])
    return node


def _as_it_is(graph: "GraphProto", name: str) -> None:
    _keep(graph, name)


def _cut(graph: "GraphProto", name: str) -> None:
    """Leave out the softmax or sigmoid."""
    node = _last(graph, name)
    assert node is not None  # `_probabilities` has seen it
    node.op_type = "Identity"
    del node.attribute[:]
    _keep(graph, name)


def _logs(single: bool) -> Way:
    """log p of each class or, of a single output, log p - log(1 - p)."""

    def way(graph: "GraphProto", name: str) -> None:
        from onnx import helper, numpy_helper

        graph.initializer.append(numpy_helper.from_array(np.array(TINY, np.float32), "advxai_tiny"))
        graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "advxai_one"))

        def log(of: str, made: str) -> None:
            graph.node.append(helper.make_node("Max", [of, "advxai_tiny"], [f"{made}_held"]))
            graph.node.append(helper.make_node("Log", [f"{made}_held"], [made]))

        log(name, "advxai_log")
        if single:
            graph.node.append(helper.make_node("Sub", ["advxai_one", name], ["advxai_rest"]))
            log("advxai_rest", "advxai_log_rest")
            graph.node.append(helper.make_node("Sub", ["advxai_log", "advxai_log_rest"], ["advxai_odds"]))
        _keep(graph, "advxai_odds" if single else "advxai_log")

    return way


def _keep(graph: "GraphProto", name: str) -> None:
    """Make a tensor the only output."""
    from onnx import TensorProto, helper

    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def _close(graph: "GraphProto", outputs: int) -> None:
    """Give the output its shape, (n, outputs)."""
    from onnx import TensorProto, helper, numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array([-1, outputs]), "advxai_shape"))
    graph.node.append(helper.make_node("Reshape", [graph.output[0].name, "advxai_shape"], [CUT]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(CUT, TensorProto.FLOAT, [BATCH, outputs]))
    used = _used(graph)
    for node in [node for node in graph.node if node.op_type == "Constant" and node.output[0] not in used]:
        graph.node.remove(node)
    kept = [one for one in graph.initializer if one.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _used(graph: "GraphProto") -> set[str]:
    """Names of the tensors that nodes read, in graphs within nodes too."""
    found = {name for node in graph.node for name in node.input}
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                found |= _used(inner) | {one.name for one in inner.output}
    return found


def _open(graph: "GraphProto", name: str, layout: str, size: int, batch: int | None, blue_first: bool) -> None:
    """Let it take `images` (n, 3, size, size), red first."""
    from onnx import TensorProto, helper

    _renamed(graph, name)
    order = [0, 1, 2, 3] if layout == "NCHW" else [0, 2, 3, 1]
    turned = TURNED if blue_first else INPUT
    graph.node.insert(0, helper.make_node("Transpose", [turned], [INNER], perm=order))
    if blue_first:
        graph.initializer.append(helper.make_tensor(CHANNELS, TensorProto.INT64, [3], [2, 1, 0]))
        graph.node.insert(0, helper.make_node("Gather", [INPUT, CHANNELS], [TURNED], axis=1))
    constant = {one.name for one in graph.initializer}
    kept = [one for one in graph.input if one.name in constant]
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [BATCH, 3, size, size]))
    graph.input.extend(kept)
    del graph.value_info[:]  # shapes with the batch of the export
    if batch is not None:
        for number, (node, shape) in enumerate(_shaped(graph)):
            if shape.size and shape[0] == batch:
                _reshaped(graph, node, shape, f"advxai_shape_{number}")


def _renamed(graph: "GraphProto", name: str) -> None:
    for node in graph.node:
        for place, one in enumerate(node.input):
            if one == name:
                node.input[place] = INNER
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    _renamed(inner, name)


def _shaped(graph: "GraphProto") -> Iterator[tuple["NodeProto", NDArray[np.int64]]]:
    """Nodes that give a tensor another shape by a constant, and that shape."""
    from onnx import numpy_helper

    constants = {one.name: one for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    for node in list(graph.node):
        if node.op_type == "Reshape" and len(node.input) > 1 and node.input[1] in constants:
            yield node, numpy_helper.to_array(constants[node.input[1]])


def _reshaped(graph: "GraphProto", node: "NodeProto", shape: NDArray[np.int64], name: str) -> None:
    """Let a node's first side be whatever it is, instead of the batch of the export."""
    from onnx import numpy_helper

    first = 0 if (shape[1:] == -1).any() else -1  # 0: as the input's
    graph.initializer.append(numpy_helper.from_array(np.array([first, *shape[1:]], np.int64), name))
    node.input[1] = name


def _tried(opened: Opened, onnx: bytes, images: Tensor, classes: Classes, wanted: Tensor) -> Tensor | str:
    """Probabilities of the changed graph, all rows at once; or what is wrong with them."""
    try:
        run = opened(onnx)
        together, alone = (
            torch.cat([torch.from_numpy(run({INPUT: part.numpy()})[0]) for part in torch.split(images, at_once)])
            for at_once in (len(images), 1)
        )
    except Exception as error:  # the library's own, of a graph that has the batch in its inside
        return f"for it fails ({str(error).splitlines()[0][:160] if str(error) else type(error).__name__})"
    if not together.shape == alone.shape == (len(images), classes.outputs):
        return f"for it then answers {len(images)} images with {tuple(together.shape)} numbers"
    found = [per_class(one, classes).softmax(dim=1) for one in (together, alone)]
    if not float((found[0] - found[1]).abs().max()) <= CLOSE:
        return "for an image's answer then depends on the others"
    if not float((found[0][: len(wanted)] - wanted).abs().max()) <= CLOSE:
        return "for it answers otherwise then"
    return found[0]
