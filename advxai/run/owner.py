"""A job ends with the workflow that started it.

When Snakemake is killed, its jobs stay behind as orphans and go on working. The workflow therefore leaves its process
number and host in the environment, and each job on that host looks now and then whether it is still there. A job of a
cluster, on another host, is the scheduler's to end.
"""

import logging
import os
import signal
import socket
import threading
import time

NAME = "ADVXAI_OWNER"
EVERY = 1.0  # seconds between two looks
GRACE = 30.0  # seconds for a job to tidy up


def announce() -> None:
    """Make this process the owner of its children, unless one further up is already."""
    owner = _owner()
    if NAME not in os.environ or (owner is not None and not _alive(owner)):
        os.environ[NAME] = f"{socket.gethostname()}:{os.getpid()}"


def _owner() -> int | None:
    """Process number of the owner; None if there is none, or on another host."""
    host, _, number = os.environ.get(NAME, "").rpartition(":")
    return int(number) if host == socket.gethostname() and number.isdigit() else None


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    return True


def watch_owner() -> None:
    """From now on end this process in good order when it gets SIGTERM, and give it that as soon as its owner is gone.

    To be called in the main thread.
    """
    signal.signal(signal.SIGTERM, _end)
    owner = _owner()
    if owner is not None:
        threading.Thread(target=_watch, args=(owner,), daemon=True, name="owner").start()


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _watch(owner: int) -> None:
    while _alive(owner):
        time.sleep(EVERY)
    said = "The workflow (process %d) is gone: this job stops; what it has finished is kept."
    logging.error(said, owner, extra={"alone": True})
    main = threading.main_thread().ident
    assert main is not None  # it has begun
    signal.pthread_kill(main, signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)  # the main thread is in a call that doesn't end
