"""What the scripts of the rules share: logging, errors in one line, the lists that jobs read."""

import errno
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from advxai.common.errors import InputError
from advxai.common.files import file_sha256, publish
from advxai.common.jsonfile import read_list
from advxai.common.types import Item
from advxai.run.folders import is_shard
from advxai.run.owner import watch_owner
from advxai.run.progress import Logged, begin, spoken
from advxai.run.weights import read_hash

STOPPED = 128 + 2  # the exit status after Ctrl-C, as a shell has it
# A full disk, a used-up quota, a file over the size that the system allows.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def job(log: Sequence[str], inputs: Any = None) -> Iterator[None]:
    """Log to the rule's log file and to stderr; bad input or a full disk ends the process with one line and exit 1.

    Where the workflow has a console, that is told how far the job is and shows its errors (`advxai.run.progress`).
    A job whose workflow has been killed ends too (`advxai.run.owner`). Shards among the inputs must be of the detector
    whose hash is the input `weights`, and that must still be there at the end.

    Args:
        log: the rule's log file, if it has one.
        inputs: the rule's inputs, as Snakemake gives them to a script.
    """
    begin(log[0] if log else None)
    handlers: list[logging.Handler] = [spoken()]
    if log:
        Path(log[0]).parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(log[0], mode="w")
        file.setFormatter(Logged())
        handlers.append(file)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers, force=True)
    watch_owner()
    try:
        before = _belong(inputs)
        yield
        if before is not None and before != _present(inputs):
            raise InputError(f"{inputs.weights}: the detector was exchanged while this job was at work; run again")
    except InputError as error:
        logging.error("Error: %s", error)
        raise SystemExit(1) from None
    except MemoryError as error:
        logging.error("Error: %s", error or "no memory was left; `images_at_once` sets how many images are held")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        logging.info("stopped; what it has finished is kept", extra={"told": True})
        raise SystemExit(STOPPED) from None
    except OSError as error:
        if error.errno not in NO_SPACE:
            logging.exception("This is a defect of the workflow or a fault of the machine:")
            raise
        logging.error(
            "Error: there is no room to write to (%s%s): free some, or move `results:`, and give the same command "
            "again; finished images are kept",
            os.strerror(error.errno),
            f", {error.filename}" if error.filename else "",
        )
        raise SystemExit(1) from None
    except Exception:
        logging.exception("This is a defect of the workflow or a fault of the machine:")
        raise


def _belong(inputs: Any) -> str | None:
    """The weights of the run's detector, if the job takes them; shards that it takes besides must be of these."""
    if inputs is None or "weights" not in inputs.keys():  # noqa: SIM118  # `in` looks at the values
        return None
    weights = read_hash(Path(inputs.weights))
    if shards := [path for path in map(Path, inputs) if is_shard(path)]:
        from advxai.run.store import require_weights  # HDF5, which not every job needs

        require_weights(shards, weights)
    return weights


def _present(inputs: Any) -> str:
    """The hash of the detector now: of its file, where the job has that, else what the small file says."""
    if "detector" in inputs.keys():  # noqa: SIM118  # as above
        return file_sha256(inputs.detector)
    return read_hash(Path(inputs.weights))


def read_items(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a shard's list (JSON); InputError if it can't be read."""
    return read_list(Path(path), "delete it and run again", "a list of images")


def write_items(path: str | Path, items: Iterable[Item]) -> None:
    """Write a shard's list, one row a line; small, so that Snakemake compares it by checksum."""
    text = "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]\n"
    publish(Path(path), lambda file: file.write_text(text))


def use_threads(threads: int) -> None:
    """Bound the CPU threads of this process, numpy's too: LIME's ridge rounds by them."""
    import cv2
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    threadpool_limits(threads, user_api="blas")
