"""Files of torch read without running their code: whole modules whose class is absent, both forms, hostile pickles."""

import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from io import BytesIO
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from advxai.common.errors import InputError
from advxai.detector.build import load_initial
from advxai.detector.checkpoint import load
from advxai.detector.tensors import read_tensors
from advxai.dialects import pickled
from advxai.dialects.marks import Inert, named_in
from advxai.dialects.outline import Outline, Shaped, outline
from advxai.dialects.pickled import unpickled
from advxai.dialects.torchfile import opened
from tests.unit.test_detector_checkpoint import SETTINGS, drawn, lightning

OLD = {"_use_new_zipfile_serialization": False}
FORMS = {"zip": {}, "older": OLD}


@pytest.fixture
def foreign(monkeypatch):
    """A module of a class that is gone once it was saved, with a tied weight, an unsaved buffer and a half tensor."""
    home = types.ModuleType("network_of_theirs")

    class TransferModel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(3)
            self.model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2).half())
            self.tied = nn.Linear(4, 2)
            self.tied.weight = nn.Parameter(torch.randn(4, 2).t())  # not laid out row by row
            self.again = self.tied
            self.register_buffer("kept", torch.arange(3))
            self.register_buffer("unsaved", torch.ones(2), persistent=False)
            self.register_buffer("none", None)

    TransferModel.__module__, TransferModel.__qualname__ = home.__name__, "TransferModel"
    home.TransferModel = TransferModel
    monkeypatch.setitem(sys.modules, home.__name__, home)
    module = TransferModel()
    yield module
    assert home.__name__ not in sys.modules


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize("form", FORMS)
def test_a_pickled_module_gives_its_state_dict_without_its_class(tmp_path, monkeypatch, caplog, foreign, form):
    path, state = tmp_path / "all_c23.p", foreign.state_dict()
    torch.save(foreign, path, **FORMS[form])
    monkeypatch.delitem(sys.modules, "network_of_theirs")
    with pytest.raises(ModuleNotFoundError):
        torch.load(path, weights_only=False)
    with caplog.at_level("INFO"):
        found = read_tensors(path)
    assert list(found) == list(state)
    for name, value in state.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name
    assert "all_c23.p: holds pickled code (" in caplog.text and "network_of_theirs.TransferModel" in caplog.text
    seen = outline(path)
    assert seen.module == "network_of_theirs.TransferModel" and seen.shapes == {
        name: tuple(value.shape) for name, value in state.items()
    }
    assert seen.tensors["kept"].kind == "i" and seen.tensors["model.2.weight"].kind == "f"


@pytest.mark.parametrize("form", FORMS)
def test_tensors_beside_those_of_the_weights_are_passed_over(tmp_path, form):
    state = drawn().state_dict()
    optimiser = {"exp_avg": torch.ones(3, dtype=torch.float64), "steps": 4}
    content = {"optimiser": Odd(optimiser), "epoch": 3, "net": OrderedDict(state)}
    torch.save(content, tmp_path / "a.pth", **FORMS[form])
    found = read_tensors(tmp_path / "a.pth")
    assert list(found) == list(state) and all(torch.equal(found[name], state[name]) for name in state)
    assert outline(tmp_path / "a.pth").container == ("net",)


class Odd:
    def __init__(self, thing: object) -> None:
        self.thing = thing


@pytest.mark.parametrize(
    ("wrapped", "container"),
    [
        (lambda state: state, ()),
        (lambda state: {"state_dict": state, "epoch": 3}, ("state_dict",)),
        (lambda state: {"model": {"state_dict": state}, "accuracy": torch.tensor(0.9)}, ("model", "state_dict")),
        (lambda state: {"net": state, "optimizer": {"state": {0: torch.ones(2)}}}, ("net",)),
        (lambda state: {"weights_of_mine": state, "optimizer": 3}, ("weights_of_mine",)),
        (lambda state: {"state_dict_ema": state, "epoch": 3}, ("state_dict_ema",)),
    ],
)
def test_containers(tmp_path, wrapped, container):
    state = drawn().state_dict()
    torch.save(wrapped(state), tmp_path / "a.pth")
    found = outline(tmp_path / "a.pth")
    assert (found.container, list(found.tensors)) == (container, list(state))
    assert list(read_tensors(tmp_path / "a.pth")) == list(state)
    assert torch.equal(load(SETTINGS, tmp_path / "a.pth").module[4].weight, state["4.weight"])


def test_an_average_beside_the_weights_and_a_training_of_lightning_are_seen(tmp_path):
    torch.save({"state_dict": drawn().state_dict(), "state_dict_ema": drawn(2).state_dict()}, tmp_path / "a.pth")
    assert outline(tmp_path / "a.pth").averaged and outline(tmp_path / "a.pth").container == ("state_dict",)
    torch.save(lightning(drawn()) | {"pytorch-lightning_version": "2.0.1"}, tmp_path / "b.ckpt")
    assert outline(tmp_path / "b.ckpt").lightning and not outline(tmp_path / "b.ckpt").averaged


def test_a_safetensors_header_and_files_of_neither_form(tmp_path):
    save_file({"a.weight": torch.zeros(2, 3, dtype=torch.bfloat16), "b": torch.zeros(())}, tmp_path / "s.safetensors")
    assert outline(tmp_path / "s.safetensors") == Outline({"a.weight": Shaped((2, 3), "b"), "b": Shaped((), "f")})
    (tmp_path / "text.pth").write_text("weights")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as file:
        file.writestr("a.txt", "b")
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert {outline(tmp_path / name) for name in ("text.pth", "archive.zip", "plain.pkl", "absent")} == {None}


def test_an_outline_is_read_anew_once_the_file_has_changed(tmp_path):
    torch.save(drawn().state_dict(), tmp_path / "a.pth")
    assert outline(tmp_path / "a.pth") is outline(tmp_path / "a.pth")
    torch.save(drawn(2).state_dict(), tmp_path / "b.pth")
    (tmp_path / "b.pth").replace(tmp_path / "a.pth")
    assert outline(tmp_path / "a.pth").shapes["4.weight"] == (2, 16)


# -- pickles that would do something

RAN: list[str] = []


def ran(*asked: object) -> None:
    RAN.append("ran")


class State:
    def __setstate__(self, state: object) -> None:
        ran()


class New:
    def __new__(cls, *asked: object) -> "New":
        ran()
        return super().__new__(cls)

    def __getnewargs__(self):
        return ("a",)


class Reduced:
    def __init__(self, *said: object) -> None:
        self.said = said

    def __reduce__(self):
        return self.said


@pytest.mark.parametrize(
    "made",
    [
        lambda folder: Reduced(os.mkdir, (str(folder),)),
        lambda folder: Reduced(os.system, (f"mkdir {folder}",)),
        lambda folder: Reduced(eval, (f"__import__('os').mkdir({str(folder)!r})",)),
        lambda folder: Reduced(getattr, (Odd, "__init__")),
        lambda folder: Reduced(torch.load, (str(folder),)),
        lambda folder: Reduced(dict, (), None, None, iter([("a", Reduced(ran, ()))])),
        lambda folder: Reduced(list, (), None, iter([Reduced(ran, ())])),
        lambda folder: Reduced(OrderedDict, (), {"__reduce__": Reduced(ran, ())}),
        lambda folder: Reduced(torch._utils._rebuild_parameter, (Reduced(ran, ()), True, OrderedDict())),
        lambda folder: State.__new__(State),
        lambda folder: object.__new__(New),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_run(tmp_path, made, form):
    folder, path, state = tmp_path / "made", tmp_path / "a.pth", drawn().state_dict()
    thing = made(folder)
    if isinstance(thing, State):
        thing.__dict__["a"] = 1
    torch.save({"state_dict": state, "thing": thing, "again": [thing]}, path, **FORMS[form])
    RAN.clear()
    assert outline(path).container == ("state_dict",) and torch.equal(read_tensors(path)["4.weight"], state["4.weight"])
    load_initial(drawn(), path)
    assert RAN == [] and not folder.exists()


def test_a_weight_that_would_be_made_by_code_is_no_tensor(tmp_path):
    state = {**drawn().state_dict(), "0.bias": Reduced(os.mkdir, (str(tmp_path / "made"),))}
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"a\.pth: 0\.bias isn't a tensor; give a"):
        load(SETTINGS, tmp_path / "a.pth")
    assert not (tmp_path / "made").exists()


GLOBAL = b"cos\nsystem\n"


def test_marks_alone_come_of_names_calls_and_states():
    found = unpickled(BytesIO(b"\x80\x02" + GLOBAL + b"X\x02\x00\x00\x00ls\x85R}X\x01\x00\x00\x00aK\x01sb."))
    assert isinstance(found, Inert) and found.attributes == {"a": 1} and named_in(found) == ["os.system"]
    found = unpickled(BytesIO(b"\x80\x02" + GLOBAL + b")\x81K\x05K\x06s."))  # items of a dictionary of their own
    assert found.items == {5: 6} and not found.is_module


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x80\x02]r\xff\xff\xff\x7fh\x00.", "damaged"),
        (b"\x80\x02\x82\x01.", "the operation 82"),  # the extension registry
        (b"\x80\x02\x97.", "the operation 97"),  # a buffer beside the file
        (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"a.", "larger than 64 MiB"),
        (b"\x80\x02X\xff\x00\x00\x00a", "cut off"),
        (b"\x80\x02" + b"(" * 10 + b"t" * 20 + b".", "damaged"),
        (b"\x80\x09N.", "later form"),
        (b"\x80\x02I" + b"9" * 5000 + b"\n.", "Exceeds the limit|invalid literal"),
        (b"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01(" + b"K\x01K\x02\x86" * 1000 + b"e0"
         + b"h\x00h\x01\x85R0" * 3000 + b"N.", "dictionaries are larger"),
    ],
)  # fmt: skip
def test_a_pickle_that_asks_for_too_much_is_refused(data, why):
    with pytest.raises(ValueError, match=why):
        unpickled(BytesIO(data))


def test_a_pickle_of_too_many_operations_is_refused(monkeypatch):
    monkeypatch.setattr(pickled, "MOST", 1000)
    with pytest.raises(ValueError, match="more than 1,000 operations: save the model's state_dict alone"):
        unpickled(BytesIO(b"\x80\x02" + b"}" * 1001))


def test_what_refers_to_itself_or_has_a_key_without_end_is_read():
    assert unpickled(BytesIO(b"\x80\x02]q\x00h\x00a."))[0] is not None
    # a tuple of 2 ** 60 parts as a key, whose hash would be computed for as many
    key = unpickled(BytesIO(b"\x80\x02})" + b"2\x86" * 60 + b"K\x01s."))
    assert list(key.values()) == [1]
    deep = unpickled(BytesIO(b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b"."))
    assert named_in(deep) == []


def module_pickle(parts: bytes) -> bytes:
    """A torch module by protocol 2, whose parts follow."""
    text = b"".join(
        b"X" + struct.pack("<I", len(name)) + name + value
        for name, value in ((b"_parameters", b"}"), (b"_buffers", b"}"), (b"_modules", parts))
    )
    return b"\x80\x02cmine\nNet\n)\x81q\x01}(" + text + b"ub."


def test_a_module_within_itself_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as file:
        file.writestr("a/data.pkl", module_pickle(b"}X\x01\x00\x00\x00ah\x01s"))
    with pytest.raises(InputError, match=r"a\.pth can't be read as a weights file \(its modules are in one another"):
        outline(tmp_path / "a.pth")


def rewritten(source: Path, target: Path, change, compression: int = zipfile.ZIP_STORED) -> None:
    """An archive with other contents."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for info in old.infolist():
            content = change(info.filename.split("/", 1)[1], old.read(info))
            if content is not None:
                new.writestr(info.filename, content)


@pytest.mark.parametrize(
    ("change", "compression", "why"),
    [
        (lambda name, data: data[:-4] if name == "data/0" else data, zipfile.ZIP_STORED, "aren't stored as torch"),
        (lambda name, data: None if name == "data/0" else data, zipfile.ZIP_STORED, "numbers of its tensors are cut"),
        (lambda name, data: data[:50] if name == "data.pkl" else data, zipfile.ZIP_STORED, "cut off"),
    ],
)
def test_archives_that_are_not_as_torch_writes_them(tmp_path, change, compression, why):
    torch.save(drawn().state_dict(), tmp_path / "a.pth")
    rewritten(tmp_path / "a.pth", tmp_path / "b.pth", change, compression)
    with pytest.raises(ValueError, match=why), opened(tmp_path / "b.pth") as file:
        file.numbers(value.storage for value in file.content.values())
    with pytest.raises(InputError, match=r"b\.pth can't be read as a weights file \(.*\): get or save it anew"):
        read_tensors(tmp_path / "b.pth")


@pytest.mark.parametrize("beside", [{}, {"thing": Odd(1)}])
def test_a_packed_archive_is_refused_before_torch_unpacks_it(tmp_path, beside):
    torch.save({"state_dict": {"a": torch.zeros(100_000)}, **beside}, tmp_path / "a.pth")
    rewritten(tmp_path / "a.pth", tmp_path / "b.pth", lambda name, data: data, zipfile.ZIP_DEFLATED)
    for read in (outline, read_tensors):
        with pytest.raises(InputError, match=r"b\.pth can't be read as a weights file \(it is compressed"):
            read(tmp_path / "b.pth")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("again", ["data.pkl", "DATA.PKL", "data/0"])
def test_a_part_that_is_there_twice_is_refused(tmp_path, again):
    torch.save({"a": torch.zeros(10)}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth", "a") as file:
        file.writestr(f"a/{again}", file.read(f"a/{again.lower()}"))
    with pytest.raises(InputError, match=r"a\.pth can't be read as a weights file \(two parts of it have one name"):
        read_tensors(tmp_path / "a.pth")


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "a.pt").touch()
    with pytest.raises(InputError, match=r"a\.pt can't be read as a weights file \(it is empty\): get"):
        read_tensors(tmp_path / "a.pt")


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path):
    expanded = torch.zeros(1).expand(1 << 14, 1 << 14)
    torch.save({"state_dict": {"a": expanded}, "thing": Odd(1)}, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"a\.pth can't be read.*larger than its storage"):
        outline(tmp_path / "a.pth")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("beside", [{}, {"thing": Odd(1)}])
def test_views_are_read_as_torch_reads_them(tmp_path, form, beside):
    views = {
        "expanded": torch.tensor([3.0]).expand(5),
        "unfolded": torch.arange(10.0).unfold(0, 3, 1),
        "negated": torch.tensor([1 + 2j, 3 + 4j]).conj().imag,
    }
    torch.save({"state_dict": views, **beside}, tmp_path / "a.pth", **FORMS[form])
    found = read_tensors(tmp_path / "a.pth")
    assert {name: value.tolist() for name, value in found.items()} == {
        "expanded": [3.0] * 5,
        "unfolded": [[one, one + 1, one + 2] for one in range(8)],
        "negated": [-2.0, -4.0],
    }
    assert outline(tmp_path / "a.pth").shapes == {name: tuple(value.shape) for name, value in views.items()}


def test_a_tensor_that_is_to_be_conjugated_is_not_read_as_it_lies(tmp_path):
    torch.save({"net": {"a": torch.ones(2), "b": torch.tensor([1j]).conj()}, "thing": Odd(1)}, tmp_path / "a.pth")
    assert isinstance(read_tensors(tmp_path / "a.pth")["b"], Inert)


def test_numbers_of_other_kinds_beside_the_weights_do_no_harm(tmp_path):
    content = {"net": drawn().state_dict(), "optimiser": {0: torch.zeros(2, dtype=torch.complex64)}, "thing": Odd(1)}
    content["optimiser"][1] = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    torch.save(content, tmp_path / "a.pth")
    assert torch.equal(read_tensors(tmp_path / "a.pth")["4.bias"], content["net"]["4.bias"])
    content["net"]["4.bias"] = content["optimiser"][1]
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"a\.pth: 4\.bias isn't a tensor"):
        load(SETTINGS, tmp_path / "a.pth")


def test_a_cut_file_of_the_older_form_is_named(tmp_path):
    torch.save({"state_dict": drawn().state_dict(), "thing": Odd(1)}, tmp_path / "a.pth", **OLD)
    data = (tmp_path / "a.pth").read_bytes()
    for share in (0.5, 0.95):
        (tmp_path / "b.pth").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError, match=r"b\.pth can't be read as a weights file \(.*cut off"):
            read_tensors(tmp_path / "b.pth")
