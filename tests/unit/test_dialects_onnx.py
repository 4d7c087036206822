"""ONNX files of others: what they say of themselves, and the same answers from every backend, for any batch."""

import itertools
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from advxai.common.classes import Classes
from advxai.common.errors import InputError
from advxai.common.files import file_sha256
from advxai.config.classes import classes_of
from advxai.config.science import Detector as Settings
from advxai.detector import checkpoint
from advxai.detector.onnx_import import graph_of
from advxai.dialects.onnxfile import is_onnx
from advxai.dialects.parts import parts
from advxai.dialects.recognise import reading_of
from advxai.run.settings import detector_of, require_said
from advxai.run.weights import said, source_sha256, told

TWO = Classes.named(("Real", "Fake"))
ONE = Classes.named(("Real", "Fake"), output="sigmoid", positive="Fake")
SIZE = 32
IMAGES = torch.rand((5, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(2)) * 2 - 1
GIVEN = {"classes": ["Real", "Fake"], "mean": (0.5,) * 3, "std": (0.5,) * 3}


class Net(nn.Module):
    """A small network; `end`: softmax, sigmoid, fake (p(fake) of a softmax) or nothing."""

    def __init__(
        self, outputs: int = 2, end: str = "", nhwc: bool = False, flat: bool = False, mixes: str = ""
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 4, 3, 2), nn.Linear(4, outputs)
        self.head.weight.data *= 20
        self.end, self.nhwc, self.flat, self.mixes = end, nhwc, flat, mixes

    def forward(self, images: Tensor) -> Tensor:
        if self.nhwc:
            images = images.permute(0, 3, 1, 2)
        features = torch.relu(self.conv(images)).mean((2, 3)).reshape(images.shape[0], 4)
        if self.mixes == "shape":
            features = features + torch.ones(images.shape[0], 4).cumsum(0)
        if self.mixes == "rows":
            features = features + features.mean(dim=0, keepdim=True)
        found = self.head(features)
        if self.end in ("softmax", "fake"):
            found = found.softmax(dim=1)
        if self.end == "fake":
            found = found[:, 1]
        if self.end == "sigmoid":
            found = found.sigmoid()
        return found.squeeze(1) if self.flat else found


def exported(net: Net, path: Path, batch: int = 2, dynamic: bool = True, size: int = SIZE) -> Path:
    image = torch.zeros((batch, size, size, 3) if net.nhwc else (batch, 3, size, size))
    axes = {"in": {0: "b"}, "out": {0: "b"}} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), (image,), str(path), dynamo=False, input_names=["in"], output_names=["out"], dynamic_axes=axes
        )
    return path


def probabilities(net: Net, classes: Classes) -> Tensor:
    with torch.no_grad():
        found = net(IMAGES.permute(0, 2, 3, 1) if net.nhwc else IMAGES)
    if classes.outputs == 2:
        return found if net.end else found.softmax(dim=1)
    fake = (found if net.end else found.sigmoid()).reshape(-1, 1)
    return torch.cat((1 - fake, fake), dim=1)


def settings_of(path: Path, of: Classes = TWO, **given: object) -> Settings:
    more = {"output": "sigmoid", "positive": "Fake"} if of is ONE else {}
    settings = Settings(checkpoint=str(path), **{"backend": "onnxruntime"} | GIVEN | more | given)
    require_said(settings, told(path), path)
    return detector_of(settings, told(path), path)


@pytest.mark.parametrize(
    ("net", "classes", "how"),
    [
        (Net(), TWO, {}),
        (Net(end="softmax"), TWO, {}),
        (Net(1), ONE, {}),
        (Net(1, "sigmoid"), ONE, {}),
        (Net(1, "sigmoid", flat=True), ONE, {}),
        (Net(2, "fake"), ONE, {}),  # whose softmax isn't its last node
        (Net(end="softmax", nhwc=True), TWO, {}),
        (Net(), TWO, {"batch": 1, "dynamic": False}),
        (Net(end="softmax"), TWO, {"batch": 3, "dynamic": False}),
    ],
    ids=["logits", "softmax", "logit", "sigmoid", "flat", "fake", "nhwc", "batch1", "batch3"],
)
def test_probabilities_are_the_network_s_whatever_the_form(tmp_path, net, classes, how):
    path = exported(net, tmp_path / "a.onnx", **how)
    wanted = probabilities(net, classes)
    assert wanted.std(dim=0).min() > 1e-4
    stored = tmp_path / "detector.safetensors"
    for backend in ("onnxruntime", "openvino"):
        settings = settings_of(path, classes, backend=backend)
        opened = checkpoint.load(settings, path, classes=classes, forward_batch=4)
        assert opened.module is None
        assert torch.allclose(opened.probabilities(IMAGES), wanted, atol=1e-5)
        checkpoint.save(
            stored, opened.graph, model="onnx", preprocessing=opened.preprocessing, classes=classes, checkpoint="0"
        )
        checkpoint.keep_graph(opened, settings, stored)
        assert not stored.with_suffix(".onnx").exists()  # the file itself holds it
        sha256 = file_sha256(stored)
        again = checkpoint.load(settings, stored, classes=classes, forward_batch=2, weights=sha256)
        assert torch.allclose(again.probabilities(IMAGES), wanted, atol=1e-5)
        assert again.graph.by == "onnxruntime"
    kept = said(stored)
    assert (kept["model"], kept["input_size"], kept["classes"]) == ("onnx", SIZE, ["Real", "Fake"])


def test_what_a_file_says_of_itself(tmp_path):
    found = reading_of(exported(Net(), tmp_path / "a.onnx"))
    assert found.dialect == "ONNX" and dict(found.detector) == {"model": "onnx", "input_size": SIZE}
    assert found.needs == (("classes",), ("mean",), ("std",))
    assert "its input is NCHW" in found.notes and "it gives no gradients, only answers" in found.notes
    fixed = reading_of(exported(Net(nhwc=True), tmp_path / "b.onnx", batch=1, dynamic=False))
    assert "its input is NHWC" in fixed.notes
    assert "its graph takes 1 image at a time, which is changed to any number" in fixed.notes
    model = onnx.load(str(tmp_path / "a.onnx"))
    for place in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[place].dim_param = f"side{place}"
    onnx.save(model, str(tmp_path / "c.onnx"))
    free = reading_of(tmp_path / "c.onnx")
    assert "input_size" not in free.detector and ("input_size",) in free.needs


def test_content_tells_an_onnx_file_not_its_name(tmp_path):
    path = exported(Net(), tmp_path / "a.onnx").rename(tmp_path / "weights.bin")
    assert is_onnx(path) and parts(path) == [path]
    others = {
        "torch": lambda file: torch.save(Net().state_dict(), file),
        "empty": lambda file: file.touch(),
        "text.onnx": lambda file: file.write_text("hello"),
        "cut.onnx": lambda file: file.write_bytes(path.read_bytes()[:-20]),
        "zeros.onnx": lambda file: file.write_bytes(bytes(1000)),
        "safetensors": lambda file: checkpoint.save_file(Net().state_dict(), file),
    }
    for name, write in others.items():
        write(tmp_path / name)
        assert not is_onnx(tmp_path / name), name
    assert not is_onnx(tmp_path / "absent") and not is_onnx(tmp_path)


def test_planning_needs_neither_onnx_nor_torch_for_it(tmp_path):
    """Jobs of other stages look at the detector's file too, in environments that have neither."""
    path = exported(Net(), tmp_path / "a.onnx")
    code = "import sys; from pathlib import Path; from advxai.run.weights import source_sha256, told"
    code += "; p = Path(sys.argv[1]); print(told(p)['model'], len(source_sha256(p)))"
    code += "; print({'onnx', 'torch', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "onnx 64\nset()\n"


def test_what_it_does_not_say_is_asked_for_before_work_starts(tmp_path):
    path = exported(Net(), tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"read as ONNX, .*: set detector\.classes, detector\.mean, detector\.std$"):
        settings_of(path, classes=None, mean=None, std=None)
    one = exported(Net(1), tmp_path / "b.onnx")
    with pytest.raises(InputError, match=r"set detector\.output, detector\.positive$"):
        settings_of(one)
    with pytest.raises(InputError, match=r"detector\.backend: .*a\.onnx is an ONNX file.*set detector\.backend to "):
        settings_of(path, backend="torch")
    with pytest.raises(InputError, match="takes images of 32 px: set it to that, not to 64"):
        checkpoint.load(settings_of(path, input_size=64), path, classes=TWO)
    with pytest.raises(InputError, match=r"detector\.model: resnet18 isn't what .*, which says onnx"):
        settings_of(path, model="resnet18")


def test_torch_and_a_gpu_are_refused_with_the_key(tmp_path, monkeypatch):
    path = exported(Net(), tmp_path / "a.onnx")
    settings = settings_of(path)
    stored = tmp_path / "detector.safetensors"
    opened = checkpoint.load(settings, path, classes=TWO)
    checkpoint.save(stored, opened.graph, model="onnx", preprocessing=opened.preprocessing, classes=TWO)
    monkeypatch.setattr(checkpoint, "require_device", lambda device: None)
    for file, device in itertools.product((path, stored), ("cpu", "cuda")):
        given = settings.model_copy(update={"backend": "torch"}) if device == "cpu" else settings
        with pytest.raises(InputError, match=r"set detector\.backend to onnxruntime and detector\.device to cpu"):
            checkpoint.load(given, file, device=device, classes=TWO)


@pytest.mark.parametrize(
    ("net", "classes", "how", "message"),
    [
        (Net(mixes="shape"), TWO, {"batch": 3, "dynamic": False}, r"can't be changed .*\(it is made for 3\)"),
        (Net(mixes="rows"), TWO, {}, "an image's answer then depends on the others"),
        (Net(3), TWO, {}, r"outputs are out float32 \(2, 3\) .*one of 2 float32 numbers an image.*Real, Fake"),
        (Net(2, "sigmoid"), TWO, {}, "each of its 2 outputs is a sigmoid of its own"),
    ],
)
def test_graphs_that_can_not_be_used_are_refused_in_a_line(tmp_path, net, classes, how, message):
    path = exported(net, tmp_path / "a.onnx", **how)
    with pytest.raises(InputError, match=message) as refused:
        graph_of(path, classes, SIZE)
    assert "\n" not in str(refused.value) and "a.onnx" in str(refused.value)


def model_of(kind: int = TensorProto.FLOAT, shape: tuple[object, ...] = ("n", 3, SIZE, SIZE), inputs: int = 1):
    """A graph without a network: the mean over each image's first two channels."""
    weights = numpy_helper.from_array(np.ones((3, 2), np.float32), "weights")
    nodes = [
        helper.make_node("ReduceMean", ["in0"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["out"]),
    ]
    given = [helper.make_tensor_value_info(f"in{number}", kind, shape) for number in range(inputs)]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 2])
    graph = helper.make_graph(nodes, "g", given, [out], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": TensorProto.UINT8}, "its input is of type UINT8, where NES needs the whole precision"),
        ({"kind": TensorProto.FLOAT16}, "its input is of type FLOAT16"),
        ({"shape": ("n", 1, SIZE, SIZE)}, "the shape of its input is . x 1 x 32 x 32, where three channels"),
        ({"shape": ("n", "c", "h", "w")}, "three channels were expected"),
        ({"shape": ("n", 3, SIZE, 16)}, "its input is 16 x 32 px, where a square was expected"),
        ({"inputs": 2}, "its graph has the inputs in0, in1"),
        ({"shape": (2**40, 3, SIZE, SIZE)}, "its input is of 1099511627776 x 3 x 32 x 32, where at most 1024 images"),
        ({"shape": (-1, 3, SIZE, SIZE)}, "where at most 1024 images of 1024 px a side are taken"),
        ({"shape": (1, 3, 2**20, 2**20)}, "where at most 1024 images of 1024 px a side are taken"),
    ],
)
def test_inputs_that_are_no_images_are_refused_at_planning(tmp_path, changes, message):
    onnx.save(model_of(**changes), str(tmp_path / "a.onnx"))
    with pytest.raises(InputError, match=message):
        reading_of(tmp_path / "a.onnx")


def test_less_than_float32_is_refused(tmp_path):
    model = model_of()
    model.graph.node[1].op_type = "MatMulInteger"
    onnx.save(model, str(tmp_path / "a.onnx"))
    with pytest.raises(InputError, match=r"less than float32 \(MatMulInteger\)"):
        graph_of(tmp_path / "a.onnx", TWO, SIZE)


def test_tensors_in_other_files_are_taken_along(tmp_path):
    path = exported(Net(), tmp_path / "a.onnx")
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="a.data", size_threshold=0)
    data = tmp_path / "a.data"
    assert parts(path) == [path, data] and data.stat().st_size
    before = source_sha256(path)
    opened = checkpoint.load(settings_of(path), path, classes=TWO, forward_batch=2)
    assert torch.allclose(opened.probabilities(IMAGES), probabilities(Net(), TWO), atol=1e-5)
    content = bytearray(data.read_bytes())
    content[0] ^= 1
    data.write_bytes(content)
    assert source_sha256(path) != before
    data.unlink()
    with pytest.raises(InputError, match=r"its tensors lie in a\.data, which isn't beside it"):
        parts(path)
    for tensor in (model := onnx.load(str(path), load_external_data=False)).graph.initializer:
        for entry in tensor.external_data:
            entry.value = "../a.data" if entry.key == "location" else entry.value
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"lie in \.\./a\.data, outside its folder"):
        parts(path)


def outside(name: bytes = b"a.data") -> TensorProto:
    tensor = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=name.decode())
    return tensor


def test_tensors_of_functions_are_in_the_hash_and_the_last_of_two_keys_counts(tmp_path):
    path = tmp_path / "a.onnx"
    (tmp_path / "a.data").write_bytes(bytes(4))
    model = model_of()
    node = helper.make_node("Constant", [], ["c"], value=outside())
    model.functions.append(helper.make_function("own", "f", [], ["c"], [node], [helper.make_opsetid("", 13)]))
    onnx.save(model, str(path))
    assert parts(path) == [path, tmp_path / "a.data"]
    entry = onnx.StringStringEntryProto(key="x", value="b.data").SerializeToString()
    entry += onnx.StringStringEntryProto(key="location", value="a.data").SerializeToString()
    raw = b"\x70\x01" + bytes([13 << 3 | 2, len(entry)]) + entry
    graph = bytes([5 << 3 | 2, len(raw)]) + raw
    path.write_bytes(model_of().SerializeToString() + bytes([7 << 3 | 2, len(graph)]) + graph)
    assert parts(path) == [path, tmp_path / "a.data"]


def test_links_and_impossible_names_of_tensors_are_refused_in_a_line(tmp_path):
    path = tmp_path / "a.onnx"
    model = model_of()
    model.graph.initializer.append(outside())
    path.write_bytes(model.SerializeToString())
    (tmp_path / "blob").write_bytes(bytes(4))
    (tmp_path / "a.data").symlink_to(tmp_path / "blob")
    with pytest.raises(InputError, match=r"lie in a\.data, which is a link, .*: put a real copy"):
        graph_of(path, TWO, SIZE)
    model.graph.initializer[-1].CopyFrom(outside(b"x" * 300))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="lie in x{80}, which isn't beside it"):
        parts(path)


def test_an_output_that_is_no_tensor_is_refused_in_a_line(tmp_path):
    model = model_of()
    model.graph.node.append(helper.make_node("SequenceConstruct", ["out"], ["several"]))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_sequence_value_info("several", TensorProto.FLOAT, None))
    onnx.save(model, str(tmp_path / "a.onnx"))
    with pytest.raises(InputError, match="its output several is a list, where a tensor was expected"):
        graph_of(tmp_path / "a.onnx", TWO, SIZE)


def test_a_stored_file_of_others_metadata_is_refused(tmp_path):
    path = exported(Net(), tmp_path / "a.onnx")
    settings = settings_of(path)
    opened = checkpoint.load(settings, path, classes=TWO)
    stored = tmp_path / "detector.safetensors"
    graph = opened.graph
    for broken in (
        type(graph)(graph.onnx[:-9], graph.answers, {}, "onnxruntime"),
        type(graph)(graph.onnx, ((0.9, 0.1), (0.1, 0.9)), {}, "onnxruntime"),
    ):
        checkpoint.save(stored, broken, model="onnx", preprocessing=opened.preprocessing, classes=TWO)
        with pytest.raises(InputError, match=r"detector\.backend: onnxruntime (can't take this|gives probab)"):
            checkpoint.load(settings, stored, classes=TWO)


def test_classes_of_a_file_come_from_the_configuration(tmp_path):
    path = exported(Net(), tmp_path / "a.onnx")
    assert classes_of(settings_of(path), told(path), path) == TWO


def test_a_network_that_was_trained_blue_first_is_given_blue_first(tmp_path):
    net = Net(end="softmax")
    path = exported(net, tmp_path / "a.onnx", batch=1, dynamic=False)
    settings = settings_of(path, colour="bgr")
    opened = checkpoint.load(settings, path, classes=TWO, forward_batch=4)
    with torch.no_grad():
        wanted = net(IMAGES.flip(1))
        assert (wanted - net(IMAGES)).abs().max() > 1e-4
    assert torch.allclose(opened.probabilities(IMAGES), wanted, atol=1e-5)
