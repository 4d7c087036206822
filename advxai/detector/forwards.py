"""Forwards of a shard's job: the run's detector, opened when the first record must be computed."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advxai.common.types import Item, Record
from advxai.run.environment import COMPUTING, installed_version, processor
from advxai.run.jobs import use_threads
from advxai.run.weights import read_hash

if TYPE_CHECKING:
    from advxai.common.arrays import Pixels
    from advxai.detector.model import Detector
    from advxai.run.paths import Paths


def open_detector(paths: "Paths", path: str, weights: str) -> "Detector":
    """The run's detector, on its device, with its forward batch and threads.

    The threads are the configuration's, not those that Snakemake has left for the job: another number rounds otherwise.

    Args:
        paths: of the run.
        path: the detector's file.
        weights: the SHA-256 that it must have.

    Raises:
        InputError: it has another one, or as of `advxai.detector.checkpoint.load`.
    """
    from advxai.detector.checkpoint import load

    settings = paths.config.detector
    use_threads(settings.threads)
    return load(settings, Path(path), classes=paths.classes, weights=weights)


def image_loader(frames: str) -> Callable[[Item], "Pixels"]:
    """Reader of the LMDB: item -> RGB uint8 (h, w, 3), whose bytes are those of the item's hash.

    The last few images are kept, since attacks share them.
    """
    from advxai.frames.database import FrameStore

    store = FrameStore(Path(frames))
    cached = lru_cache(maxsize=32)(store.image)
    return lambda item: cached(item["key"], item["sha256"])


class Forwards:
    """Computes a shard's missing records (for `advxai.run.store.complete`).

    Importing torch and loading weights takes seconds, which a job that only looks up need not spend: the detector is
    opened when the first record must be computed, and `start` imports what it needs itself.

    Args:
        paths: of the run.
        inputs: the job's: `detector`, `weights` (the file with its hash) and `frames` (the LMDB).
        start: (items, image loader, detector) -> records.
        packages: distributions that take part besides those of every job, for `made_with`.
        stamp: further fields of each record; `made_with`, the device and versions, is added to them.

    Attributes:
        weights: the detector's hash.
        spent: images and calls of the forwards that were made, and images of the ways back, if there were any.
    """

    def __init__(
        self,
        paths: "Paths",
        inputs: Any,
        start: Callable[..., Iterable[Record]],
        packages: Collection[str] = (),
        **stamp: str,
    ) -> None:
        self.paths, self.inputs, self.start, self.packages, self.stamp = paths, inputs, start, packages, stamp
        self.weights = read_hash(Path(inputs.weights))
        self.spent = {"images": 0, "calls": 0}

    def __call__(self, items: list[Item]) -> Iterator[dict[str, Any]]:
        detector = open_detector(self.paths, self.inputs.detector, self.weights)
        stamp: dict[str, str] | None = None
        for record in self.start(items, image_loader(self.inputs.frames), detector):
            if stamp is None:
                self.paths.require_same_code()  # all of it is imported now
                stamp = {**self.stamp, "made_with": made_with(detector, self.packages)}  # a module may have been built
            yield {**record, **stamp}
        self.spent = detector.spent


def made_with(detector: "Detector", packages: Collection[str] = ()) -> str:
    """What may change a record's numbers: the device, and the versions of what computes forwards, segments, fits and
    fillings. One that isn't installed has taken no part.

    Args:
        detector: as it is after the work: of a kept graph, it has a module where gradients were asked for.
        packages: what else has taken part, such as an explainer's own (`advxai.config.rows.Row.packages`).
    """
    import torch

    where = torch.cuda.get_device_name(detector.device) if detector.device.type == "cuda" else processor()
    versions = {name: installed_version(name) for name in (*detector.backend.packages, *COMPUTING)}
    if detector.graph:  # perhaps of a former environment
        made = detector.graph.versions
        versions |= {name: made.get(name) for name in ("timm", "transformers")}
        if made.get("torch") != versions["torch"]:
            versions["graph by torch"] = made.get("torch")
        if detector.module is not None and (own := installed_version("timm")) != versions["timm"]:
            versions["module by timm"] = own
    versions |= {name: installed_version(name) for name in packages}
    return f"{where}; " + ", ".join(f"{name} {found}" for name, found in versions.items() if found)
