"""One GPU a process, on a machine where Snakemake only counts them. The GPUs are pretended; the locks are real."""

import os
import stat
import subprocess
import sys
import tempfile

import pytest
import torch

from advxai.detector import gpus


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """Four GPUs, all in view, and locks of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(gpus, "_claimed", [])
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    yield
    for lock in gpus._claimed:
        lock.close()


HOLD = """
import sys, tempfile, torch
tempfile.tempdir = sys.argv[1]
torch.cuda.device_count = lambda: 4
from advxai.detector import gpus
gpus.claim()
import os
print(os.environ[gpus.VISIBLE], flush=True)
sys.stdin.read()
"""


def test_the_first_free_gpu_is_taken_and_given_back_when_its_process_ends(tmp_path, monkeypatch):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "0\n"
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "1"
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "1", "a process keeps its GPU"
    other.kill()
    other.wait()
    gpus._claimed.pop().close()
    monkeypatch.delenv(gpus.VISIBLE)
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "0"


def test_a_scheduler_s_choice_stays(monkeypatch, tmp_path):
    monkeypatch.setenv(gpus.VISIBLE, "3")
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "3" and not list(tmp_path.iterdir())


def test_only_gpus_in_view_are_taken(monkeypatch):
    monkeypatch.setenv(gpus.VISIBLE, "2,GPU-abc")
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "2"


def test_when_all_are_taken_a_warning_says_so(monkeypatch, caplog):
    monkeypatch.setenv(gpus.VISIBLE, "0,1")
    taken = []
    for _ in range(2):
        monkeypatch.setenv(gpus.VISIBLE, "0,1")
        gpus.claim()
        taken.append(gpus._claimed.pop())
    monkeypatch.setenv(gpus.VISIBLE, "0,1")
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "0,1" and "--resources gpu=2" in caplog.text
    for lock in taken:
        lock.close()


def test_parts_of_a_gpu_have_slashes_in_their_names(monkeypatch, tmp_path):
    monkeypatch.setenv(gpus.VISIBLE, "MIG-GPU-5c89852c/1/0,MIG-GPU-5c89852c/2/0")
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "MIG-GPU-5c89852c/1/0"
    (lock,) = tmp_path.glob("**/*.lock")
    assert lock.parent == tmp_path / f"advxai-{os.getuid()}" and stat.S_IMODE(lock.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_no_file_is_written_to_and_no_link_followed(tmp_path, caplog):
    folder = tmp_path / f"advxai-{os.getuid()}"
    folder.mkdir(mode=0o700)
    (folder / "gpu-0.lock").write_text("not empty")
    gpus.claim()
    assert os.environ[gpus.VISIBLE] == "0" and (folder / "gpu-0.lock").read_text() == "not empty"
    gpus._claimed.pop().close()
    del os.environ[gpus.VISIBLE]
    (folder / "gpu-0.lock").unlink()
    (tmp_path / "precious").write_text("precious")
    (folder / "gpu-0.lock").symlink_to(tmp_path / "precious")
    gpus.claim()
    assert (tmp_path / "precious").read_text() == "precious" and gpus.VISIBLE not in os.environ
    assert "can't be shared out among jobs" in caplog.text and "gpu-0.lock" in caplog.text


@pytest.mark.parametrize("there", ["link", "file", "another's", "everybody's"])
def test_a_folder_that_isn_t_ours_alone_is_said(there, tmp_path, caplog, monkeypatch):
    folder = tmp_path / f"advxai-{os.getuid()}"
    if there == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    elif there == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777 if there == "everybody's" else 0o700)
    if there == "another's":
        own = os.getuid()
        monkeypatch.setattr(gpus.os, "getuid", lambda: own + 1)
        folder.rename(tmp_path / f"advxai-{own + 1}")
    gpus.claim()
    assert gpus.VISIBLE not in os.environ and not gpus._claimed and not list(tmp_path.glob("**/*.lock"))
    (record,) = caplog.records
    assert "The GPUs (0, 1, 2, 3) can't be shared out among jobs" in record.message and "set TMPDIR" in record.message
