"""Worker processes, one a form at a time, restarted when an input ends or stops them."""

import multiprocessing
import shutil
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

from tests.fuzz.worker import CRASH, work

START = 120.0  # seconds for imports and valid files
HANG = 30.0  # seconds of a processor for an input; a busy machine gives it few
STUCK = 10  # times as long by the clock, without using a processor
LEAST = 0.2  # of its share of the time a form has, whatever its start has taken
ENOUGH = 10  # findings, after which a form has shown what is wrong with it


@dataclass
class Tried:
    """What came of a form.

    Attributes:
        counts: inputs "read", "refused" and with a "finding".
        seconds: spent, without the start.
    """

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        return self.counts.total()


@dataclass
class _Slot:
    """A process at work, and what it was at when it was last heard of."""

    name: str
    process: BaseProcess
    told: Connection
    folder: Path
    until: float
    heard: float
    used: float = 0.0  # seconds of a processor, then
    number: int | None = None
    began: float | None = None  # with the first input


class Pool:
    """Runs forms beside each other.

    Args:
        seed: of the inputs.
        scratch: folder to work in.
        keep: folder that findings are kept in.
        say: told of each finding.
        target: what a process does.
    """

    def __init__(
        self, seed: int, scratch: Path, keep: Path, say: Callable[[str], None], target: Callable[..., None] = work
    ) -> None:
        self.seed, self.scratch, self.keep, self.say, self.target = seed, scratch, keep, say, target
        self.tried: dict[str, Tried] = {}

    def run(
        self, names: Sequence[str], seconds: float, inputs: range | None = None, slots: int = 2
    ) -> dict[str, Tried]:
        """Give every form its share of the time.

        Args:
            names: the forms.
            seconds: for all of them.
            inputs: only these; None: as many as the time allows.
            slots: processes at once.
        """
        self.tried = {name: Tried() for name in names}
        share = seconds / -(-len(names) // slots)  # some slot has so many forms, rounded up
        waiting, running = deque(names), list[_Slot]()
        try:
            while waiting or running:
                while waiting and len(running) < slots:
                    running.append(self._start(waiting.popleft(), share, inputs or range(1 << 62)))
                heard = [self._heard(slot, 0.05 / len(running)) for slot in running]
                running = [slot for slot in heard if slot is not None]
        finally:
            for slot in running:
                slot.process.kill()
        return self.tried

    def _start(self, name: str, seconds: float, numbers: range, folder: Path | None = None) -> _Slot:
        folder = folder or self.scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        ours, theirs = multiprocessing.Pipe()
        now = time.monotonic()
        context = multiprocessing.get_context("spawn")
        arguments = (name, self.seed, numbers, now + seconds, seconds * LEAST, folder, theirs)
        process = context.Process(target=self.target, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Slot(name, process, ours, folder, now + seconds, now)

    def _heard(self, slot: _Slot, seconds: float) -> _Slot | None:
        """Take what a process has told, or tells within so many seconds; the process that goes on, if one does."""
        for _ in range(200):
            if slot.told not in wait([slot.told], seconds):
                if late := self._late(slot):
                    slot.process.kill()
                    slot.process.join()
                    return self._ended(slot, late)
                return slot
            try:
                what, *said = slot.told.recv()
            except EOFError:
                slot.process.join()
                return self._ended(slot, _died(slot))
            slot.heard, slot.used = time.monotonic(), _used(slot)
            slot.began = slot.began or slot.heard
            if what == "begin":
                slot.number = said[0]
                continue
            counts, finding = said
            self.tried[slot.name].counts += counts
            if finding:
                self._found(slot, finding)
                slot.told.send("kept")
                if self.tried[slot.name].counts["finding"] >= ENOUGH:
                    slot.process.kill()
                    slot.process.join()
                    return self._ended(slot, "")
        return slot

    def _late(self, slot: _Slot) -> str:
        """Why a process that hasn't been heard of is taken to hang; nothing if it isn't."""
        waited = time.monotonic() - slot.heard
        limit = HANG if slot.number is not None else START
        if waited > limit and (waited > STUCK * limit or _used(slot) - slot.used > limit):
            return f"no answer within {limit:g} s of a processor, or {STUCK * limit:g} s by the clock"
        return ""

    def _ended(self, slot: _Slot, fault: str) -> _Slot | None:
        """Count what an ended process has spent; after a fault another one goes on."""
        now = time.monotonic()
        self.tried[slot.name].seconds += now - (slot.began or now)
        if not fault:
            return None
        self.tried[slot.name].counts["finding"] += 1
        self._found(slot, fault)
        if slot.number is None or now > slot.until or self.tried[slot.name].counts["finding"] >= ENOUGH:
            return None
        return self._start(slot.name, slot.until - now, range(slot.number + 1, 1 << 62), slot.folder)

    def _found(self, slot: _Slot, said: str) -> None:
        kept = self.keep / f"{slot.name}-{self.seed}-{slot.number}"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        if (slot.folder / "input").exists():
            shutil.copytree(slot.folder / "input", kept / "input")
        command = f"make fuzz FUZZ='--only {slot.name} --seed {self.seed} --input {slot.number}'"
        (kept / "said.txt").write_text(f"{said}\n\n{command}\n", errors="backslashreplace")
        first, *rest = said.splitlines()
        last = next((line for line in reversed(rest) if line.strip()), "")
        self.say(f"{slot.name}: {first} {last}\n  again: {command}\n  kept: {kept}")


def _used(slot: _Slot) -> float:
    """Seconds of a processor that a process has used; 0: it has ended."""
    try:
        times = psutil.Process(slot.process.pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _died(slot: _Slot) -> str:
    """How a process ended; nothing if it was done."""
    code = slot.process.exitcode
    if code == 0:
        return ""
    crash = (slot.folder / CRASH).read_text(errors="replace") if (slot.folder / CRASH).exists() else ""
    how = f"ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with status {code}"
    return f"the process {how}\n{crash}"
