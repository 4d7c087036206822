"""The environment of the workflow's jobs, which are processes of their own, and what they run on."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from advxai.run.owner import announce

SETTINGS = {
    # Jobs share the cores, and OpenMP threads that spin while they wait take them from each other (seen: five times
    # slower).
    "OMP_WAIT_POLICY": "passive",
    # glibc gives a forward's large buffers back to the system and fetches them anew, zeroed, for the next one. Keeping
    # them made forwards 20 to 30 % faster (torch 2.15, one core).
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
    "MALLOC_MMAP_MAX_": "0",
    # Text is UTF-8 in every file, whatever the machine's own encoding is: tables have arrows and minus signs.
    "PYTHONUTF8": "1",
}


# Besides the backend's own packages.
COMPUTING = ("timm", "numpy", "scipy", "scikit-image", "opencv")
# Of what computes without the detector.
ALONE = ("numpy", "scipy", "opencv")
# OpenCV's wheels come under several names.
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
DISTRIBUTIONS = {"opencv": (*OPENCV, "opencv")}


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


def as_a_job() -> None:
    """Start this process anew in the environment of the workflow's jobs, unless it is in it.

    For what measures outside of Snakemake: malloc and OpenMP read their settings when a process starts.
    """
    if any(name not in os.environ for name in SETTINGS):
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def processor() -> str:
    """The CPU's model."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def made_without_torch(*more: str) -> str:
    """What may change numbers that are computed without the detector: the processor and versions; `more`: of further
    packages that take part."""
    found = {name: installed_version(name) for name in (*ALONE, *more)}
    return f"{processor()}; " + ", ".join(f"{name} {version}" for name, version in found.items() if version)


def installed_version(package: str) -> str | None:
    """Version of a distribution, under whichever of its names it is installed; None: it isn't."""
    for name in DISTRIBUTIONS.get(package, (package,)):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
