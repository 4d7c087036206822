"""Jobs end with the workflow that started them."""

import os
import socket
import subprocess
import sys
import time

import pytest

from advxai.run import owner
from tests.patience import PATIENCE

JOB = """
import os, sys, time
from advxai.run.jobs import job
with job([]):
    print("working", flush=True)
    try:
        time.sleep(100)
    finally:
        print("tidied up", flush=True)
"""


def start(number: int, host: str | None = None) -> subprocess.Popen:
    environment = os.environ | {owner.NAME: f"{host or socket.gethostname()}:{number}"}
    return subprocess.Popen(
        [sys.executable, "-c", JOB], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def workflow():
    """A process that stands for Snakemake."""
    with subprocess.Popen(["sleep", "100"]) as process:
        yield process
        process.kill()


def test_a_job_tidies_up_and_ends_when_its_workflow_is_gone(workflow):
    with start(workflow.pid) as process:
        assert process.stdout.readline() == "working\n"
        time.sleep(1.5)
        assert process.poll() is None
        workflow.kill()
        workflow.wait()
        output, errors = process.communicate(timeout=20 * PATIENCE)
    assert process.returncode != 0 and output == "tidied up\n"
    assert f"The workflow (process {workflow.pid}) is gone" in errors


def test_a_job_that_starts_too_late_ends_too(workflow):
    workflow.kill()
    workflow.wait()
    with start(workflow.pid) as process:
        assert process.wait(20 * PATIENCE) != 0


def test_a_workflow_on_another_host_is_not_watched(workflow):
    workflow.kill()
    workflow.wait()
    with start(workflow.pid, "elsewhere") as process:
        assert process.stdout.readline() == "working\n"
        time.sleep(2.5)
        assert process.poll() is None
        process.kill()


def test_the_uppermost_living_process_is_the_owner(monkeypatch, workflow):
    monkeypatch.setenv(owner.NAME, "")  # so that it is as it was in the end
    monkeypatch.delenv(owner.NAME)
    owner.announce()
    assert os.environ[owner.NAME] == f"{socket.gethostname()}:{os.getpid()}"
    monkeypatch.setenv(owner.NAME, f"{socket.gethostname()}:{workflow.pid}")
    owner.announce()
    assert os.environ[owner.NAME].endswith(f":{workflow.pid}")
    workflow.kill()
    workflow.wait()
    owner.announce()
    assert os.environ[owner.NAME].endswith(f":{os.getpid()}")
