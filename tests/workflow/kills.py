"""Killing a running workflow: start it, look at its workers, count its forwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from advxai.owner import NAME
from advxai.store.journal import read_journal
from tests.workflow.conftest import ROOT, store

SLOW = 0.3  # seconds that a forward takes, so that a job can be caught at work


class Run:
    """Snakemake at work in a folder, as a user would start it, in a session of its own.

    Args:
        folder: holds tiny.yaml.
        arguments: targets first.
        environment: further variables.
    """

    def __init__(self, folder: Path, *arguments: object, **environment: str) -> None:
        command = [sys.executable, "-m", "snakemake", *arguments, "--snakefile", ROOT / "Snakefile"]
        command += ["--directory", folder, "--configfile", folder / "tiny.yaml"]
        self.output = folder / f"snakemake-{time.monotonic_ns()}.log"
        # A shell that starts the suite in the background has SIGINT ignored, and children inherit that.
        heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
        with open(self.output, "w") as file:
            self.process = subprocess.Popen(
                list(map(str, command)),
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=heed,
                env={name: value for name, value in os.environ.items() if name != NAME}
                | {"SLOW_FORWARD": str(SLOW), "FORWARDS": str(folder / "forwards")}
                | environment,
            )

    def workers(self, rule: str) -> list[psutil.Process]:
        """Processes of this rule's jobs."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        found = []
        for child in children:
            try:
                if child.cmdline()[-1:] and child.cmdline()[-1].endswith(f".{rule}.py"):
                    found.append(child)
            except psutil.Error:
                pass  # it has just ended
        return found

    def until(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Wait; fails when the run ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"it has ended:\n{self.output.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"waited in vain:\n{self.output.read_text()[-3000:]}"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to Snakemake itself, not to its jobs."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def gone(processes: list[psutil.Process], seconds: float = 15) -> bool:
    """Whether all of these end within some seconds; an orphan that nobody collects is then a zombie."""

    def ended(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    deadline = time.monotonic() + seconds
    while not all(map(ended, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def journalled(folder: Path, stage: str) -> int:
    """Number of whole records in the journals of a stage."""
    return len(journal_records(folder, stage))


def journal_records(folder: Path, stage: str) -> list[dict[str, Any]]:
    """Whole records in the journals of a stage."""
    return [record for path in store(folder, f"{stage}/*/journals/*.journal") for record in read_journal(path)]


def forwards(folder: Path) -> int:
    """Forwards that all jobs in this folder have made so far, killed ones included."""
    path = folder / "forwards"
    return path.stat().st_size if path.exists() else 0
