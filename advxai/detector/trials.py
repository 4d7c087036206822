"""What `make tune` measures: a detector's forwards with several settings, in this process or in one of its own."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from advxai.common.errors import InputError
from advxai.config.kernels import Kernels
from advxai.config.science import Detector as Settings
from advxai.detector.backends import require_device
from advxai.detector.build import preprocessing
from advxai.detector.checkpoint import any_weights
from advxai.detector.graph import Graph
from advxai.detector.throughput import Rate, compare
from advxai.run.jobs import use_threads
from advxai.run.owner import NAME, watch_owner
from advxai.run.weights import configured_classes

TOLD = 20  # lines of what a process that fails has printed
REMEDY = "tune on the machine that has one, or give --device cpu"


@dataclass(frozen=True)
class Trial:
    """One backend by one choice of kernels, with several forward batches."""

    backend: str
    kernels: Kernels
    batches: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """What came of trials: rates, and why others have none, in sentences."""

    rates: list[Rate]
    refused: list[str]


def network_of(settings: Settings) -> nn.Module | Graph:
    """The network, with the same random weights in every process, which don't matter for the time.

    Raises:
        InputError: there is no such device, or it can't be built.
    """
    require_device(settings.device, REMEDY)
    use_threads(settings.threads)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  (a network of the user's own may draw from it)
    torch.manual_seed(0)
    return any_weights(settings, configured_classes(settings))


def here(
    settings: Settings,
    network: nn.Module | Graph,
    trials: Sequence[Trial],
    seconds: float,
    tick: Callable[[], object] = lambda: None,
) -> Found:
    """Measure in this process.

    Args:
        settings: the detector's.
        network: of `network_of`.
        trials: what is tried.
        seconds: of each measurement; 0: only the answers are looked at.
        tick: called after each measurement.
    """
    found = Found([], [])
    for one in _each(settings, network, trials, seconds):
        _take(found, one)
        tick()
    return found


def elsewhere(
    settings: Settings, trials: Sequence[Trial], seconds: float, tick: Callable[[], object] = lambda: None
) -> Found:
    """Measure in a process of its own, whose libraries choose their kernels anew; as of `here`. Should the process
    fail, what it has measured counts, a sentence says so, and the end of what it has printed is shown. It ends with
    this process's part in it, whatever that ends by."""
    if settings.device == "cuda":
        torch.cuda.empty_cache()  # the other process needs the memory
    job = {"settings": settings.model_dump(mode="json"), "trials": [asdict(one) for one in trials], "seconds": seconds}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), NAME: f"{socket.gethostname()}:{os.getpid()}"}
    found = Found([], [])
    results, theirs = os.pipe()  # of its own: a network of the user's own may print
    command = [sys.executable, "-m", "advxai.detector.trials", str(theirs), json.dumps(job)]
    with os.fdopen(results) as lines, tempfile.TemporaryFile("w+", errors="replace") as said:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, pass_fds=[theirs],
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(theirs)
        try:
            for line in lines:
                if not line.endswith("\n"):
                    break  # it has been ended in its midst
                content = json.loads(line)
                _take(found, content.get("refused") or Rate(**content))
                tick()
            code = process.wait()
        finally:
            _end(process)
        if code:
            said.seek(0)
            last = said.read().strip().splitlines()[-TOLD:] or [f"exit status {code}"]
            print("\n".join(["", "A second process of tune said at its end:", *last]), file=sys.stderr)
            found.refused.append(f"A second process has failed ({last[-1]}): what it would have shown isn't known.")
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that is at the head of a group, with the compilers that it has started."""
    with suppress(ProcessLookupError, PermissionError):  # there is none any more
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _each(
    settings: Settings, network: nn.Module | Graph, trials: Sequence[Trial], seconds: float
) -> Iterator[Rate | str]:
    """Rates, and the sentence of a trial that can't be."""
    process = preprocessing(settings, network if isinstance(network, nn.Module) else None)
    classes = configured_classes(settings)
    for trial in trials:
        asked = [trial.backend], trial.batches, seconds
        try:
            yield from compare(network, process, settings.device, *asked, classes, [trial.kernels])
        except InputError as error:
            yield str(error)


def _take(found: Found, one: Rate | str) -> None:
    if isinstance(one, Rate):
        found.rates.append(one)
    elif one not in found.refused:
        found.refused.append(one)


def main(results: int, job: dict[str, Any]) -> None:
    """What the other process does: a line of JSON a measurement, written to a descriptor."""
    os.set_inheritable(results, False)  # the other side reads until nobody has it any more
    watch_owner()  # whoever has started it
    settings = Settings(**job["settings"])
    trials = [Trial(one["backend"], Kernels(**one["kernels"]), tuple(one["batches"])) for one in job["trials"]]
    with os.fdopen(results, "w") as lines:
        for one in _each(settings, network_of(settings), trials, job["seconds"]):
            print(json.dumps(asdict(one) if isinstance(one, Rate) else {"refused": one}), file=lines, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
