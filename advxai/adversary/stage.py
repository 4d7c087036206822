"""The stage `adversary`: one NES attack an image, shared by every explainer and every table."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from torch import Tensor

from advxai.adversary.nes import Attack, attack, gaussian_noise, nes_at_once, reconstruct
from advxai.common.ahead import ahead
from advxai.common.arrays import Pixels
from advxai.common.errors import InputError
from advxai.common.limit import within
from advxai.common.types import Item, Record
from advxai.config.science import Nes
from advxai.detector.engine import Cost, Work
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector
from advxai.run.store import read_shard

Load = Callable[[Item], Pixels]


def run(
    items: Iterable[Item], load: Load, detector: Detector, settings: Nes, seed: int, at_once: int
) -> Iterator[dict[str, Any]]:
    """Attack every image.

    Args:
        items: images with `key` and `sha256`.
        load: item -> RGB uint8 (h, w, 3).
        detector: the detector to deceive.
        settings: NES settings.
        seed: the run's seed; the noise is seeded by (seed, "adversary", key, iteration).
        at_once: images in work together, at most.

    Yields:
        Records: key, sha256, steps, iterations, queries, calls, seconds, before, after (class probabilities), success,
        trace (p(Real) before each update and after the last).
    """
    size = (detector.preprocessing.input_size,) * 2

    with closing(ahead(lambda item: detector.preprocessing.normalised(load(item)), items)) as prepared:

        def works() -> Iterator[tuple[tuple[str, str], Work[Attack]]]:
            for item, image in prepared:
                identity = (seed, "adversary", item["key"])
                noise = gaussian_noise(settings.samples, size, detector.device, *identity, channels=settings.channels)
                work = attack(detector.place(image), settings, detector.preprocessing, noise, detector.classes)
                yield (item["key"], item["sha256"]), work

        together = within(at_once, nes_at_once(settings, detector))
        for (key, sha256), outcome, cost in drive(works(), detector, together, "adversary"):
            yield record_of(key, sha256, outcome, cost)


def record_of(key: str, sha256: str, outcome: Attack, cost: Cost) -> dict[str, Any]:
    """The record of an image's copy, or of a clip's."""
    return {
        "key": key,
        "sha256": sha256,
        "steps": outcome.steps,
        "iterations": outcome.iterations,
        "queries": outcome.queries,
        "calls": cost.calls,
        "seconds": cost.seconds,
        "before": outcome.before,
        "after": outcome.after,
        "success": outcome.success,
        "trace": outcome.trace,
    }


def adversarial_images(
    shard: Path, detector: Detector, settings: Nes
) -> Callable[[Item, Tensor], tuple[Tensor, Record]]:
    """Reader of a published shard: (item, normalised image) -> (adversarial image, its record).

    Of a shard of clips' copies likewise: (clip, its frames (T, 3, h, w)) -> (adversarial frames, its record).

    Raises:
        InputError: the shard lacks the image, or holds it for other bytes.
    """
    records = {(record["key"], record["sha256"]): record for record in read_shard(shard)}

    def adversarial(item: Item, image: Tensor) -> tuple[Tensor, Record]:
        record = records.get((item["key"], item["sha256"]))
        if record is None:
            raise InputError(f"{shard} has no adversarial copy of {item['key']}: delete the file and run again")
        return copy_of(record, detector, settings)(item, image)

    return adversarial


def copy_of(record: Record, detector: Detector, settings: Nes) -> Callable[[Item, Tensor], tuple[Tensor, Record]]:
    """As `adversarial_images`, of the one image or clip whose record this is."""

    def adversarial(_: Item, image: Tensor) -> tuple[Tensor, Record]:
        return reconstruct(image, record["steps"], settings, detector.preprocessing), record

    return adversarial
