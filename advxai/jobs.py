"""What the scripts of the rules share: logging, errors in one line, and opening what most jobs read."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.config import Config
from advxai.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from advxai.detector.model import Detector


@contextmanager
def job(log: Sequence[str]) -> Iterator[None]:
    """Log to the rule's log file and to stderr; bad input ends the process with one line and exit code 1."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log:
        Path(log[0]).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log[0], mode="w"))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers, force=True)
    try:
        yield
    except InputError as error:
        logging.error("Error: %s", error)
        raise SystemExit(1) from None
    except Exception:
        logging.exception("This is a defect of the workflow or a fault of the machine:")
        raise


def read_items(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a shard's list (JSON)."""
    return json.loads(Path(path).read_text())


def write_items(path: str | Path, items: list[dict[str, Any]]) -> None:
    """Write a shard's list, one row a line; small, so that Snakemake compares it by checksum."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]\n")


def use_threads(threads: int) -> None:
    """Bound the CPU threads of this process."""
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def open_detector(config: Config, path: str) -> "Detector":
    """The run's detector, on its device, with its forward batch and threads.

    The threads are the configuration's, not those that Snakemake has left for the job: another number rounds otherwise.
    """
    from advxai.detector.checkpoint import load

    settings = config.detector
    use_threads(settings.threads)
    return load(settings, Path(path), forward_batch=settings.forward_batch, device=settings.device)


def image_loader(frames: str) -> Callable[[Any], "np.ndarray"]:
    """Reader of the LMDB: item -> RGB uint8 (h, w, 3); the last few images are kept, since attacks share them."""
    from advxai.frames.database import FrameStore

    store = FrameStore(Path(frames))
    cached = lru_cache(maxsize=32)(store.image)
    return lambda item: cached(item["key"])
