"""A process that gives inputs of one form to the readers, and may die of them."""

import contextlib
import faulthandler
import os
import resource
import sys
import time
import traceback
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

MEMORY = 4 << 30  # bytes that reading may take, beside what the libraries map
CRASH = "crash.txt"  # in the folder: where Python was when a library ended the process


def work(name: str, seed: int, numbers: range, until: float, least: float, folder: Path, told: Connection) -> None:
    """Tell ("begin", number) and ("done", counts, finding) of each input until the numbers or the time are used up.

    After a finding an answer is waited for: its files are kept before the next input takes their place.

    Args:
        name: of the form.
        seed, numbers: what the inputs are made from.
        until, least: by `time.monotonic`, and so many seconds from the first input on.
        folder: to work in.
        told: the other process's end of a pipe.
    """
    os.chdir(folder)
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(quiet, stream.fileno()) if _is_real(stream) else None
    crash = open(folder / CRASH, "w")
    faulthandler.enable(crash)

    from tests.fuzz.kinds import kinds
    from tests.fuzz.trial import Finding, Trials

    trials = Trials(kinds()[name], name, seed, folder)
    try:
        trials.whole()
    except Exception:
        told.send(("done", Counter(finding=1), f"what is valid isn't read:\n{traceback.format_exc()}"))
        told.recv()
        return
    until = max(until, time.monotonic() + least)
    limit = _mapped() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in numbers:
        if time.monotonic() > until:
            return
        told.send(("begin", number))
        counts: Counter[str] = Counter()
        finding = ""
        try:
            counts.update(trials.run(number))
        except Finding as error:
            finding = str(error)
        except MemoryError:
            finding = f"MemoryError:\n{traceback.format_exc()}"
        told.send(("done", Counter(finding=1) if finding else counts, finding))
        if finding:
            told.recv()


def _is_real(stream: object) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return stream.fileno() in (1, 2)  # type: ignore[attr-defined]
    return False


def _mapped() -> int:
    """Bytes of address space that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
