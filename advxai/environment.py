"""The environment of the workflow's jobs, which are processes of their own."""

import os

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
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != folder]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])
