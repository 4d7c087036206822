"""Killing a running workflow: start it, look at its workers, count its forwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil

from advxai.run.owner import NAME
from advxai.run.store import read_shard
from advxai.run.store.complete import JOURNALS, Identity, identity
from advxai.run.store.journal import read_journal
from tests.patience import PATIENCE
from tests.workflow.conftest import CHATTER, ROOT, store

T = TypeVar("T")
SLOW = 0.3  # seconds that a forward takes, so that a job can be caught at work


class Run:
    """Snakemake at work in a folder, as a user would start it, in a session of its own.

    Args:
        folder: holds tiny.yaml.
        arguments: targets first.
        environment: further variables.
    """

    def __init__(self, folder: Path, *arguments: object, **environment: str) -> None:
        command = [sys.executable, "-m", "snakemake", *arguments, *CHATTER, "--snakefile", ROOT / "Snakefile"]
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

    def until(self, condition: Callable[[], T], seconds: float = 120) -> T:
        """Wait for what is true, and return it; fails when the run ends before, or takes too long.

        `seconds`, here and in `gone`, are of an idle machine (tests/patience.py).
        """
        deadline = time.monotonic() + seconds * PATIENCE
        while not (found := condition()):
            assert self.process.poll() is None, f"it has ended:\n{self.output.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"waited in vain:\n{self.output.read_text()[-3000:]}"
            time.sleep(0.05)
        return found

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

    deadline = time.monotonic() + seconds * PATIENCE
    while not all(map(ended, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def half_done(own: Collection[Identity], there: Collection[Identity], wanted: Collection[Identity]) -> bool:
    """Whether a job that ended now would leave both finished work and work to be done.

    Args:
        own: records in its journal.
        there: all that its retry could find, others' records included.
        wanted: those of its shard.
    """
    return bool(own) and not set(wanted) <= set(there)


def shard_of_journal(journal: Path) -> Path:
    """`<digest>/journals/<run>-<shard>-<uuid>.journal` -> `<digest>/<run>/<shard>.h5`; the run's name has no hyphen."""
    run, _, shard = journal.stem.rpartition("-")[0].partition("-")
    return journal.parents[1] / run / f"{shard}.h5"


def stop_half_done(
    workers: Iterable[psutil.Process], folder: Path, finished: Path
) -> tuple[psutil.Process, Path] | None:
    """Stop (SIGSTOP) the first worker that is half done with its shard, so that it stays so: (worker, its journal).

    Whether it is half done is asked when it has been stopped: a worker at work may end between a look and a kill.

    Args:
        workers: of jobs that keep a journal.
        folder: of their run.
        finished: folder of a finished run of the same configuration, whose shards say what is wanted.
    """
    for worker in workers:
        with suppress(psutil.Error):  # it has just ended
            for journal in [Path(file.path) for file in worker.open_files() if file.path.endswith(".journal")]:
                worker.suspend()
                while worker.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                    time.sleep(0.01)
                shard = shard_of_journal(journal)
                others = [*journal.parent.glob("*.journal"), *shard.parent.glob("[!.]*.h5")]
                there = {one for path in others for one in _identities(path)}
                if half_done(_identities(journal), there, _identities(finished / shard.relative_to(folder))):
                    return worker, journal
                worker.resume()
    return None


def _identities(path: Path) -> set[Identity]:
    """Of the records in a shard or a journal."""
    return set(map(identity, read_journal(path) if path.parent.name == JOURNALS else read_shard(path)))


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
