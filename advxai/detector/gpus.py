"""One GPU a process.

A cluster's scheduler shows a job the one GPU that it has asked for. On a machine of one's own with several, Snakemake
counts them (`--resources gpu=4`) but doesn't say which is whose, and all jobs would meet on the first.
"""

import fcntl
import logging
import os
import tempfile
from pathlib import Path
from typing import TextIO

import torch

log = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"
_claimed: list[TextIO] = []  # the lock lasts as long as this process


def claim() -> None:
    """Leave this process one GPU, which no other process of ours on this machine has, to be called before CUDA starts.

    With one GPU in view, or none, nothing changes. Where all are taken, they stay in view and a warning says so.
    """
    if _claimed:
        return
    given = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
    names = given or [str(number) for number in range(torch.cuda.device_count())]
    if len(names) < 2:
        return
    for name in names:
        lock = open(Path(tempfile.gettempdir(), f"advxai-gpu-{name}-{os.getuid()}.lock"), "w")  # noqa: SIM115  # kept open: it is the lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _claimed.append(lock)
        os.environ[VISIBLE] = name
        log.info("GPU %s of %s", name, ", ".join(names))
        return
    log.warning(
        "All GPUs (%s) are taken by other jobs, so this one shares the first; start no more jobs than there are GPUs: "
        "--resources gpu=%d",
        ", ".join(names),
        len(names),
    )
