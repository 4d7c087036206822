"""What a hostile file of weights may cost: names without end, keys of one hash, large headers."""

import pickle
import struct
import tracemalloc
import zipfile
from io import BytesIO

import pytest
import torch
from safetensors.torch import save_file

from advxai.common.errors import InputError
from advxai.detector.checkpoint import load
from advxai.detector.tensors import read_tensors, strange
from advxai.dialects import marks, names
from advxai.dialects.marks import Inert, state_of
from advxai.dialects.names import cleaned, fitting
from advxai.dialects.outline import outline
from advxai.dialects.pickled import unpickled
from advxai.dialects.renaming import renamed
from tests.unit.test_detector_checkpoint import SETTINGS, drawn
from tests.unit.test_dialect_files import OLD


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def module_of(content: bytes, group: str = "_modules", more: bytes = b"") -> bytes:
    """A torch module with one group of entries."""
    groups = {"_parameters": b"}", "_buffers": b"}", "_modules": b"}", group: b"}(" + content + b"u"}
    return b"cmine\nNet\n)\x81}(" + b"".join(text(name) + value for name, value in groups.items()) + more + b"ub"


def peak_of(data: bytes) -> int:
    """Bytes that were taken at once for the state dict of a module that is refused."""
    module = unpickled(BytesIO(b"\x80\x02" + data + b"."))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"longer than 1,000 letters|without end"):
            state_of(module)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_name_of_a_part_does_not_multiply_with_what_is_in_it():
    within = module_of(b"".join(text(f"{one}") + b"K\x01" for one in range(20)), "_parameters")
    assert peak_of(module_of(text("x" * 1_000_000) + within)) < 100_000
    within = module_of(b"".join(text(f"{one}") + module_of(b"") for one in range(20)))
    assert peak_of(module_of(text("x" * 1_000_000) + within)) < 100_000


def test_a_buffer_that_many_modules_share_is_counted_for_each(monkeypatch):
    monkeypatch.setattr(marks, "MOST", 1000)
    shared = module_of(b"".join(text(f"{one}") + b"N" for one in range(50)), "_buffers") + b"q\x05"
    data = module_of(text("a") + shared + text("b") + b"h\x05" + text("c") + b"h\x05")
    assert peak_of(data) < 100_000


def storage(count: int, key: str = "0", kind: str = "FloatStorage") -> bytes:
    words = text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu")
    return b"(" + words + b"J" + struct.pack("<i", count) + b"tQ"


@pytest.mark.parametrize("kind", ["FloatStorage", "QInt8Storage"])
def test_a_storage_that_claims_more_than_the_file_has_is_refused(tmp_path, kind):
    pickled_row = b"\x80\x02}" + text("a") + storage(1 << 30, kind=kind) + b"s."
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as file:
        file.writestr("a/data.pkl", pickled_row)
        file.writestr("a/data/0", b"0000")
    with pytest.raises(InputError, match=r"a\.pth can't be read .*aren't stored as torch stores them"):
        outline(tmp_path / "a.pth")
    torch.save({}, tmp_path / "b.pth", **OLD)
    data = (tmp_path / "b.pth").read_bytes()
    (tmp_path / "b.pth").write_bytes(data.replace(pickle.dumps({}, 2), pickled_row))
    with pytest.raises(InputError, match=r"b\.pth can't be read .*numbers of its tensors are cut off"):
        outline(tmp_path / "b.pth")


def test_a_storage_of_two_sizes_is_refused():
    with pytest.raises(ValueError, match="of two kinds or sizes at once"):
        unpickled(BytesIO(b"\x80\x02]" + storage(4) + b"a" + storage(5) + b"a."), {})


def test_a_name_of_many_wrappers_is_taken_out_of_all_of_them():
    name = "encoder." * 2000 + "backbone._conv_stem.weight"
    assert renamed({name: (1,), "y": (1,)}, "tf_efficientnet_b0") == {name: "conv_stem.weight", "y": "y"}


def test_a_prefix_has_an_end():
    name = "model." * 1000 + "x"
    assert cleaned([name]).prefix == "model." * 20
    assert fitting({name: name}, ["x"]) == ({name: name}, "")
    assert fitting({"y": "y", "a": "model.net.x"}, ["x"]) == ({"y": "(y)", "a": "x"}, "model.net.")


def test_names_of_many_losses_are_gone_through_once(monkeypatch):
    made = []
    monkeypatch.setattr(names, "set", lambda *asked: made.append(1) or set(*asked), raising=False)
    assert len(cleaned([f"loss.{one}" for one in range(50)]).left_out) == 50
    assert len(made) < 60  # two, and one for each name's words


def test_keys_that_share_a_hash_are_told_apart():
    large = [(one + 1) * (2**61 - 1) for one in range(5)]
    assert len({hash(one) for one in large}) == 1
    pairs = b"".join(b"\x8a\x0b" + one.to_bytes(11, "little", signed=True) + b"N" for one in large)
    found = unpickled(BytesIO(b"\x80\x02}(" + pairs + b"K\x07NG" + struct.pack(">d", 2.0**61) + b"Nu."))
    assert [key for key in found if not isinstance(key, Inert)] == [7] and len(found) == 7
    with pytest.raises(ValueError, match="more than 1,000 keys that are neither names nor counts"):
        unpickled(BytesIO(b"\x80\x02}(" + b"\x8a\x05\x00\x00\x00\x00\x01N" * 1001 + b"u."))
    with pytest.raises(ValueError, match="damaged"):
        unpickled(BytesIO(b"\x80\x02Np%d\n." % large[0]))


def test_a_header_that_no_detector_has_is_refused(tmp_path, monkeypatch):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    assert outline(tmp_path / "a.safetensors").shapes == {"a": (1,)}
    length = 26_000_000
    with open(tmp_path / "b.safetensors", "wb") as file:
        file.write(struct.pack("<Q", length) + b"{")
        file.truncate(8 + length)
    with pytest.raises(InputError, match=r"b\.safetensors can't be read .*its header is larger than 25 MB, which no"):
        outline(tmp_path / "b.safetensors")


class Odd:
    pass


def test_names_of_a_file_stand_in_messages_in_one_line_and_cut(tmp_path, caplog):
    long = "a\nb" + "c" * 1000
    shown = "a\\nb" + "c" * 116 + "..."
    assert strange(long, 3) == f"{shown} isn't a tensor"
    assert strange(long, torch.zeros(1, dtype=torch.complex64)) == f"{shown} is a tensor of a kind that no detector has"
    save_file({**drawn().state_dict(), long: torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError) as raised:
        load(SETTINGS, tmp_path / "a.safetensors")
    assert f"has the tensor {shown}, which the model doesn't" in str(raised.value)
    torch.save({"net": drawn().state_dict(), "thing": Odd()}, tmp_path / "b.pth")
    with zipfile.ZipFile(tmp_path / "b.pth") as old, zipfile.ZipFile(tmp_path / "c.pth", "w") as new:
        for info in old.infolist():
            name = f"test_dialect_bounds\n{Odd.__name__}\n".encode()
            new.writestr(info.filename, old.read(info).replace(name, name.replace(b"Odd", b"Odd" * 1000)))
    with caplog.at_level("INFO"):
        read_tensors(tmp_path / "c.pth")
    (line,) = [record.getMessage() for record in caplog.records if "pickled code" in record.getMessage()]
    assert "OddOdd" in line and len(line) < 200 + len(str(tmp_path))
