"""One GPU a process, on a machine where Snakemake only counts them. The GPUs are pretended; the locks are real."""

import os
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
