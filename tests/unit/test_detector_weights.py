"""The hash of a detector's file: noticed however it was exchanged, read from memory while it is as it was."""

import errno
import os
import subprocess
import time
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from torch import nn

from advxai.common import files
from advxai.common.errors import InputError
from advxai.detector import checkpoint
from advxai.detector.model import Preprocessing
from advxai.run import weights


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A file that was there for a while."""
    path = tmp_path / "detector.safetensors"
    path.write_bytes(b"one")
    return path


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock be a minute ahead, so that the file counts as old."""
    ahead = time.time() + 60
    monkeypatch.setattr(weights.time, "time", lambda: ahead)


def test_the_small_file_is_one_that_sha256sum_checks(detector):
    weights.seal(detector)
    path = weights.hash_file(detector)
    assert path.name == "detector.sha256" and path.read_text() == f"{hash_of(b'one')}  detector.safetensors\n"
    assert weights.read_hash(path) == hash_of(b"one") == weights.current(detector)
    done = subprocess.run(["sha256sum", "--check", path.name], cwd=detector.parent, capture_output=True, text=True)
    assert done.stdout == "detector.safetensors: OK\n"


def test_an_exchange_with_the_old_time_and_size_is_seen(detector, monkeypatch):
    settled(monkeypatch)
    weights.seal(detector)
    before = detector.stat()
    time.sleep(0.02)  # a tick of the file system's clock
    detector.write_bytes(b"two")  # in place: the same inode
    os.utime(detector, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert detector.stat().st_mtime_ns == before.st_mtime_ns and detector.stat().st_ino == before.st_ino
    assert weights.current(detector) == hash_of(b"two")
    weights.seal(detector)
    assert weights.read_hash(weights.hash_file(detector)) == hash_of(b"two")
    other = detector.with_name("other")
    other.write_bytes(b"six")
    other.replace(detector)
    weights.seal(detector)
    assert weights.read_hash(weights.hash_file(detector)) == hash_of(b"six")


def test_a_file_that_is_as_it_was_is_not_read_again(detector, monkeypatch):
    settled(monkeypatch)
    weights.seal(detector)
    monkeypatch.setattr(weights, "file_sha256", lambda path: pytest.fail(f"{path} was read"))
    weights.seal(detector)
    assert weights.current(detector) == hash_of(b"one")


def test_a_file_that_has_just_changed_is_not_remembered(detector):
    """It could change again within the same tick of the clock."""
    weights.seal(detector)
    assert sorted(path.name for path in detector.parent.iterdir()) == ["detector.safetensors", "detector.sha256"]


def test_the_small_file_keeps_its_time_while_the_hash_is_the_same(detector, monkeypatch):
    """Snakemake compares its checksum, but its time is looked at first."""
    settled(monkeypatch)
    weights.seal(detector)
    path = weights.hash_file(detector)
    before = path.stat().st_mtime_ns
    os.utime(detector)
    weights.seal(detector)
    assert path.stat().st_mtime_ns == before
    path.write_text("of another machine")
    weights.seal(detector)
    assert weights.read_hash(path) == hash_of(b"one")


@pytest.mark.parametrize("content", ["{", "[]", '{"status": 1}', "null"])
def test_a_damaged_memory_is_none(detector, monkeypatch, content):
    settled(monkeypatch)
    detector.with_suffix(".seen.json").write_text(content)
    assert weights.current(detector) == hash_of(b"one")
    weights.seal(detector)
    assert weights.current(detector) == hash_of(b"one")


@pytest.mark.parametrize("content", ["", "abc  detector.safetensors\n", f"{'g' * 64}  a.safetensors\n", "a" * 64])
def test_what_is_no_hash_is_refused_by_name(detector, content):
    path = weights.hash_file(detector)
    path.write_text(content)
    with pytest.raises(InputError, match=r"detector\.sha256: holds no SHA-256; delete it and run again"):
        weights.read_hash(path)
    path.unlink()
    with pytest.raises(InputError, match=r"detector\.sha256: can't be read"):
        weights.read_hash(path)


def test_what_a_file_of_ours_says_of_itself_is_read_from_its_header(tmp_path):
    path = tmp_path / "own.safetensors"
    checkpoint.save(
        path, nn.Linear(2, 2), model="mine:net", preprocessing=Preprocessing(48, (0.5,) * 3, (0.5,) * 3), checkpoint="a"
    )
    said = weights.said(path)
    assert (said["model"], said["input_size"], said["checkpoint"]) == ("mine:net", 48, "a")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=r"own\.safetensors can't be read as a weights file"):
        weights.said(path)
    (tmp_path / "other").write_bytes(path.read_bytes())  # by its name it needn't be one
    assert weights.said(tmp_path / "other") == {} == weights.said(tmp_path / "absent")


def test_a_trained_detector_that_has_appeared_meanwhile_stays(tmp_path):
    """Another machine has published it, and jobs may be at work with it."""
    path = tmp_path / "own.safetensors"
    process = Preprocessing(48, (0.5,) * 3, (0.5,) * 3)
    torch.manual_seed(0)
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    assert checkpoint.save(path, one, model="m:n", preprocessing=process, replace=False)
    first = path.read_bytes()
    assert not checkpoint.save(path, other, model="m:n", preprocessing=process, replace=False)
    assert path.read_bytes() == first
    assert checkpoint.save(path, other, model="m:n", preprocessing=process)
    assert path.read_bytes() != first and [found.name for found in tmp_path.iterdir()] == ["own.safetensors"]


def test_a_memory_that_can_t_be_written_is_done_without(detector, monkeypatch):
    """Results on a read-only disk can be planned, as long as the hash is right."""
    weights.seal(detector)
    settled(monkeypatch)
    refused = OSError(errno.EROFS, "Read-only file system", str(detector))
    for module in (weights, files):
        monkeypatch.setattr(module, "publish", lambda *_: (_ for _ in ()).throw(refused))
    weights.seal(detector)
    detector.write_bytes(b"two")
    with pytest.raises(InputError, match=r"Read-only file system; make the detector's folder usable"):
        weights.seal(detector)


def test_a_hash_file_of_junk_is_mended(detector):
    weights.hash_file(detector).write_bytes(b"\xff\xfe\x00")
    weights.seal(detector)
    assert weights.read_hash(weights.hash_file(detector)) == hash_of(b"one")


def test_others_may_read_a_detector_as_the_umask_says(tmp_path):
    """The library writes files that only their owner can read; results may be shared."""
    mask = os.umask(0o022)
    os.umask(mask)
    path = tmp_path / "own.safetensors"
    checkpoint.save(path, nn.Linear(2, 2), model="m:n", preprocessing=Preprocessing(48, (0.5,) * 3, (0.5,) * 3))
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
