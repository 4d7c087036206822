"""Files that were cut short, edited or exchanged: one line that names the file and what to do, whoever reads it."""

import errno
import io
import json
import re
import struct
import zipfile
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from advxai.cases import bundle
from advxai.common import jsonfile, parquet
from advxai.common.errors import InputError
from advxai.config import load
from advxai.config.classes import classes_of
from advxai.config.science import Detector
from advxai.corpus import tree
from advxai.corpus.demo import finished
from advxai.corpus.ffpp import read_splits
from advxai.explain.earlier import Earlier
from advxai.frames.manifest import read_csv
from advxai.media.packages import extract_onnx, put_face_network
from advxai.media.pictures import kind_of
from advxai.media.video import count_frames
from advxai.report.panels import seen_by
from advxai.report.provenance import _spent
from advxai.run.jobs import read_items
from advxai.run.scratch import nearby
from advxai.run.store import journal, write_shard
from advxai.run.store.belong import weights_in
from advxai.run.store.journal import Journal, read_journal
from advxai.run.weights import said
from advxai.saliency import prior

DEEP = b"[" * 100_000  # json's parser ends in a RecursionError
TEXTS = [b"", b"{", b"\xff\xfe\x00", b"null", b"3", DEEP]
ANEW = "delete it and run again"


def refused(call, path: Path, remedy: str) -> str:
    """The message of a reader that refuses a file; it is one line."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(f"{path} can't be read") and message.endswith(f": {remedy}") and "\n" not in message
    return message


@pytest.mark.parametrize("content", [*TEXTS, b"{}", b"[3]"])
def test_lists_of_images(tmp_path, content):
    path = tmp_path / "0-of-1.json"
    path.write_bytes(content)
    refused(lambda: read_items(path), path, ANEW)
    path.write_bytes(b'[\n{"key": "a"}\n]\n')
    assert read_items(path) == [{"key": "a"}]


@pytest.mark.parametrize("content", [*TEXTS, b"[]"])
def test_json_objects(tmp_path, content):
    path = tmp_path / "metrics.json"
    path.write_bytes(content)
    assert "can't be read as numbers (" in refused(lambda: jsonfile.read_object(path, ANEW, "numbers"), path, ANEW)
    path.write_text('{"a": "\u00e4"}', encoding="utf-8")
    assert jsonfile.read_object(path, ANEW) == {"a": "\u00e4"}


@pytest.mark.parametrize(
    "content",
    [*TEXTS, b"[]", b"{}", b'{"pairs": [], "left_out": []}', b'{"pairs": {"other": []}, "left_out": []}',
     b'{"pairs": {}, "left_out": 3}', b'{"pairs": {}, "left_out": [{"item": "a"}]}'],
)  # fmt: skip
def test_reports_of_clips(tmp_path, content):
    path = tmp_path / "clip" / "clip.json"
    path.parent.mkdir()
    path.write_bytes(content)
    remedy = "delete its folder and run again"
    refused(lambda: tree.left_out([path.parent]), path, remedy)
    refused(lambda: tree.merge([path.parent], tmp_path / "root"), path, remedy)
    assert not finished(path.parent) and not (tmp_path / "root").exists()
    for videos in ([3], ["a" * 5000], ["a\0b"]):
        path.write_text(json.dumps({"videos": videos}))
        assert not finished(path.parent)
    path.write_text('{"videos": ["clip.json"]}')
    assert finished(path.parent)


@pytest.mark.parametrize("content", [*TEXTS, b'{"schema": 0}', b"[]"])
def test_explanations_of_another_kind(tmp_path, content):
    path = tmp_path / "me.json"
    assert Earlier.read(tmp_path, "me").listed == set()
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))} is there and isn't an explanation: "):
        Earlier.read(tmp_path, "me")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"a,b\n1,2\n"])
def test_tables(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    refused(lambda: parquet.read(path), path, ANEW)
    refused(lambda: weights_in(path), path, ANEW)


def test_a_table_whose_text_is_none(tmp_path):
    """Without checksums, as others write it; Arrow decodes text only when somebody looks at it."""
    path = tmp_path / "a.parquet"
    pd.DataFrame({"weights": ["abcdefgh" * 4, "ijklmnop" * 4]}).to_parquet(path, compression=None, use_dictionary=False)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"abcdefgh" * 4, b"abcdefg\xff" * 4))
    refused(lambda: parquet.read(path), path, ANEW)
    path.write_bytes(data)
    assert weights_in(path) == {"abcdefgh" * 4, "ijklmnop" * 4}


@pytest.mark.parametrize("content", [b"", b"no shard", bytes(512) + b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_weights_of_shards(tmp_path, content):
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    assert "can't be read as a shard of ours (" in refused(lambda: weights_in(path), path, ANEW)


def test_a_changed_byte_of_a_shard_is_seen_whatever_is_asked(tmp_path):
    """HDF5 itself may read other bytes as other records, or never come to an end."""
    path = tmp_path / "a.h5"
    write_shard(path, [{"key": "a", "sha256": "b", "weights": "c" * 64}], {})
    assert weights_in(path) == {"c" * 64}
    data = bytearray(path.read_bytes())
    data[data.index(b"c" * 64)] ^= 1
    path.write_bytes(data)
    assert "it is damaged: its bytes are not those that were written" in refused(lambda: weights_in(path), path, ANEW)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", DEEP])
def test_split_files(tmp_path, content):
    for name in ("train", "val", "test"):
        (tmp_path / f"{name}.json").write_text("[]")
    path = tmp_path / "val.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))} (can't be read \(.+\): put FF|is text in UTF-16)"):
        read_splits(tmp_path)


def test_lines_of_a_list_are_not_lines_of_a_message(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('relative_path bin_label mc_label\n"a\nb" 0 0\n')
    with pytest.raises(InputError) as caught:
        read_csv(path)
    assert r"line 2: a\nb 0 0 is not an FF++ crop" in str(caught.value) and "\n" not in str(caught.value)
    path = tmp_path / "info.csv"
    path.write_text('c0_path,split,label,manipulation\n"a\nb.mp4",none,REAL,\n')
    with pytest.raises(InputError) as caught:
        read_splits(path)
    assert r"video a\nb.mp4: the label must be" in str(caught.value) and "\n" not in str(caught.value)


def test_classes_that_a_file_says_are_wrong_name_the_file():
    own = Detector(model="a:b", input_size=32)
    with pytest.raises(InputError, match=r"^odd\.safetensors: detector\.real: Real is none of the detector's classes"):
        classes_of(own, {"classes": ["A", "B"]}, "odd.safetensors")
    with pytest.raises(InputError, match=r"^detector\.real: "):
        classes_of(own.model_copy(update={"classes": ("A", "B")}), {}, "odd.safetensors")


@pytest.mark.parametrize("model", [[], {}, 3])
def test_a_model_that_is_no_name(model):
    with pytest.raises(ValidationError, match="valid string"):
        Detector.model_validate({"model": model})


def test_an_index_that_claims_too_much_is_the_videos_fault(tmp_path, monkeypatch):
    def claiming(*asked, **settings):
        raise av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory")

    path = tmp_path / "a.mov"
    path.write_bytes(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ")
    monkeypatch.setattr(av, "open", claiming)
    for ask in (count_frames, kind_of):
        with pytest.raises(InputError, match=r"a\.mov can't be read as .*claims more than there is memory for"):
            ask(path)


def test_a_key_of_two_lines_is_one_line_of_a_message():
    with pytest.raises(InputError) as caught:
        load({"detector": {"a\nb": 1}})
    assert r"detector.a\nb: there is no such key" in str(caught.value) and "\n" not in str(caught.value)


def test_tables_and_contents_of_a_test_case(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n1,2,3\n")
    refused(lambda: bundle.rows_of(path, ["a", "b"]), path, bundle.REMEDY)
    for content in (*TEXTS, b"[]", b'{"a": 1}'):
        path = tmp_path / "case.json"
        path.write_bytes(content)
        refused(lambda path=path: bundle._content(path), path, bundle.REMEDY)
    path.write_text('{"format": "1\\n2"}')
    with pytest.raises(InputError, match=r"has format 1\\n2, this version"):
        bundle._content(path)


def member(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("share.npy", content)
    return packed.getvalue()


def whole(**arrays) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04" + bytes(40), member(b""), member(b"\x93NUMPY\x01\x00" + bytes(80)), whole(faces=np.int64(0)),
     whole(share=np.zeros((2, 2), np.float32), faces=np.int64(0)), whole(share=np.zeros((128, 128)), faces=0)],
)  # fmt: skip
def test_priors(tmp_path, content):
    path = tmp_path / "prior.npz"
    path.write_bytes(content)
    assert "as a prior of faces" in refused(lambda: prior.read(path), path, ANEW)
    prior.write(prior.Prior(np.ones((128, 128), np.float32), 3), path)
    assert prior.read(path).faces == 3


def test_a_journal_that_may_not_be_read(tmp_path, monkeypatch):
    Journal(tmp_path / "a.journal").add({"key": "a", "sha256": "b"})
    assert len(list(read_journal(tmp_path / "a.journal"))) == 1

    def unreadable(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(journal.Path, "read_bytes", unreadable)
    path = tmp_path / "a.journal"
    refused(lambda: list(read_journal(path)), path, "allow it, or delete it")
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError):
        list(read_journal(tmp_path / "b.journal"))


def header(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def said_by(size: object, channels: list[int]) -> bytes:
    own = json.dumps({"input_size": size, "mean": channels, "std": channels})
    return json.dumps({"__metadata__": {"advxai": own}}).encode()


DETECTORS = [
    *(header(text) for text in TEXTS),
    header(b'{"__metadata__": {"advxai": "[]"}}'),
    *(
        header(said_by(size, mean))
        for size, mean in ((8, [1, 2]), ("a", [1, 2, 3]))
    ),
]  # fmt: skip


@pytest.mark.parametrize("content", DETECTORS)
def test_what_a_figure_asks_of_the_detector(tmp_path, content):
    path = tmp_path / "detector.safetensors"
    path.write_bytes(content)
    refused(lambda: seen_by(path, None), path, ANEW)


@pytest.mark.parametrize("content", DETECTORS[:-2])
def test_what_a_file_of_weights_says(tmp_path, content):
    path = tmp_path / "detector.safetensors"
    path.write_bytes(content)
    refused(lambda: said(path), path, "get or save it anew")


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\xff", b"s\th:m:s\n1\t2\n", b"s\tmax_rss\na\tb\n", b's\tmax_rss\n"']
)
def test_times_of_a_job(tmp_path, content):
    path = tmp_path / "job.tsv"
    path.write_bytes(content)
    refused(lambda: _spent([path]), path, "delete it: only this job's time is lost")
    path.write_text("s\th:m:s\tmax_rss\n1.5\t0:00:01\t-\n")
    assert _spent([path])["seconds"] == 1.5


@pytest.mark.parametrize(
    "content", [b"a = (", b"a = '\xff'", b"\0", b"a = " + b"(" * 5000, b"a = " + b"-" * 100_000 + b"1"]
)
def test_modules_with_a_network(tmp_path, content):
    path = tmp_path / "weights.py"
    path.write_bytes(content)
    refused(lambda: extract_onnx(path, tmp_path / "a.onnx", "0" * 64), path, "fetch it again.")


def test_a_network_of_the_users_own_that_is_not_there(tmp_path):
    path = tmp_path / "face.onnx"
    refused(lambda: put_face_network(path, tmp_path / "out.onnx"), path, "correct faces.model, or get it anew.")
    assert not (tmp_path / "out.onnx").exists()


def test_a_disk_that_fails_under_a_video(tmp_path, monkeypatch):
    """It is the video's reason; a full scratch disk isn't."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")

    class Failing(io.BytesIO):
        def read(self, size=-1):
            raise OSError(errno.EIO, "Input/output error")

    real = open
    monkeypatch.setitem(
        nearby.__wrapped__.__globals__, "open", lambda file, mode: Failing() if file == path else real(file, mode)
    )
    with pytest.raises(InputError, match=r"a\.mp4 can't be read \(Input/output error\): replace the file"):
        with nearby(path, tmp_path):
            raise AssertionError("there is no copy")

    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(
        nearby.__wrapped__.__globals__, "open", lambda file, mode: real(file, mode) if file == path else Full()
    )
    with pytest.raises(OSError, match="No space left"), nearby(path, tmp_path):
        raise AssertionError("there is no copy")
