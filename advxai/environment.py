"""The environment of the workflow's jobs, which are processes of their own, and what they run on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from advxai.owner import announce

if TYPE_CHECKING:
    import torch

SETTINGS = {
    # Jobs share the cores, and OpenMP threads that spin while they wait take them from each other (seen: five times
    # slower).
    "OMP_WAIT_POLICY": "passive",
    # glibc gives a forward's large buffers back to the system and fetches them anew, zeroed, for the next one. Keeping
    # them made forwards 20 to 30 % faster (torch 2.15, one core).
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
    "MALLOC_MMAP_MAX_": "0",
}


def prepare(folder: str) -> None:
    """Set what this process's children inherit; what the user has set stays.

    Args:
        folder: holds advxai/; goes on PYTHONPATH, so that scripts find the library, also on another node.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    announce()
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != folder]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])


def processor() -> str:
    """The CPU's model."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def made_with(device: "torch.device") -> str:
    """What may change the last bits of a record's numbers: the device and the versions of what computes on it."""
    import torch

    where = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return f"{where}; " + ", ".join(f"{name} {version(name)}" for name in ("torch", "timm", "numpy"))
