"""What the stage `saliency` makes of an image before it is explained, and a record of it afterwards."""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from advxai.common.ahead import ahead
from advxai.common.arrays import Pixels
from advxai.common.classes import Classes
from advxai.common.randomness import seed_of
from advxai.common.types import Item, Record
from advxai.config.explainers import AnyExplainer as Settings
from advxai.config.rows import Filled
from advxai.detector.model import Detector
from advxai.frames.counterparts import Genuine
from advxai.saliency.base import Explanation
from advxai.saliency.baselines import fill
from advxai.saliency.given import NO_COUNTERPART
from advxai.saliency.segments import segment

NO_ITEM: Item = {}

# Threads that prepare images beside a GPU. One cuts up 50 images of 224 px a second by SLIC (20 ms of CPU each), 5 by
# quickshift (200 ms); at 11,000 forwards a second a GPU wants 6 (LIME) to 18 (occlusion), and all in work at once when
# a job begins. Both release the interpreter's lock.
THREADS = 4
_reading = threading.Lock()  # databases are opened when they are first asked, and by one thread


def alone(load: Callable[[Item], Pixels]) -> Callable[[Item], Pixels]:
    """`load`, as several threads may call it: one after the other."""

    def loaded(item: Item) -> Pixels:
        with _reading:
            return load(item)

    return loaded


class Targeted(Protocol):
    """An entry of the configuration that says which class is explained."""

    @property
    def target(self) -> str: ...


@dataclass(frozen=True)
class Prepared:
    """An image, its segments and the seconds that they took; where counterparts fill in, its own or why it has none."""

    image: Tensor
    segments: NDArray[np.int16]
    seconds: float
    counterpart: Tensor | None
    missing: str


def threads_beside(detector: Detector) -> int:
    """How many threads prepare images: on a CPU the cores are the detector's."""
    return 1 if detector.device.type == "cpu" else max(1, min(THREADS, len(os.sched_getaffinity(0)) - 1))


def prepare(
    item: Item,
    load: Callable[[Item], Pixels],
    detector: Detector,
    settings: Settings,
    counterparts: Genuine | None,
) -> Prepared:
    """Load and cut up an image; `counterparts`: reader of what fills in, None where something else does."""
    start = time.perf_counter()
    unit = detector.preprocessing.unit(alone(load)(item))
    image = detector.preprocessing.normalise(unit)
    channels_last = [part.permute(1, 2, 0).numpy() for part in (unit, image)]
    segments = segment(channels_last[0], channels_last[1], settings.segmentation)
    counterpart, missing = None, ""
    if counterparts is not None:
        with _reading:
            other = counterparts.image(item["key"])
            reason = counterparts.reason(item["key"]) if other is None else ""
        if other is None:
            missing = f"{NO_COUNTERPART}{reason}"
        else:
            counterpart = detector.preprocessing.normalised(other)
    return Prepared(image, segments, time.perf_counter() - start, counterpart, missing)


def prepared_ahead(
    items: Iterable[Item],
    load: Callable[[Item], Pixels],
    detector: Detector,
    settings: Settings,
    counterparts: Genuine | None,
) -> Generator[tuple[Item, Prepared]]:
    """(item, what `prepare` makes of it) in their order, made in other threads ahead of what is asked for."""
    return ahead(
        lambda item: prepare(item, load, detector, settings, counterparts), items, threads=threads_beside(detector)
    )


def explained_class(settings: Targeted, before: Any, classes: Classes, item: Item = NO_ITEM) -> int:
    """Index of the class that is explained (`target`).

    Args:
        settings: the explainer's entry of the configuration.
        before: (classes,) probabilities of the image.
        classes: the detector's.
        item: the image; its `target`, if it has one, is the class: a frame of a clip is explained as the clip is.
    """
    if "target" in item:
        return int(item["target"])
    match settings.target:
        case "real":
            return classes.real
        case "fake":
            fakes = [place for place in range(len(classes.names)) if place != classes.real]
            return max(fakes, key=lambda place: float(before[place]))
    return int(classes.called(before))


def generator_of(seed: int, purpose: str, key: str) -> np.random.Generator:
    """Seeded by (seed, "saliency", purpose, key)."""
    return np.random.default_rng(seed_of(seed, "saliency", purpose, key))


def baseline_of(
    key: str, prepared: Prepared, image: Tensor, copy: Tensor | None, detector: Detector, settings: Settings, seed: int
) -> Tensor | None:
    """What fills in for the image, on its device, (3, h, w) normalised; None: the row has no baseline."""
    if not isinstance(settings, Filled):
        return None
    filled = fill(
        settings.baseline,
        prepared.image if settings.baseline.kind == "blur" else image,  # blurred on the CPU: no fetching it back
        prepared.segments,
        detector.preprocessing,
        adversarial=copy,
        generator=generator_of(seed, "baseline", key),
        counterpart=prepared.counterpart,
    )
    return detector.place(filled)


def nothing(segments: NDArray[np.int16]) -> Explanation:
    """What stands where an image has no explanation: zeros, no segment ranked."""
    scores = np.zeros(int(segments.max()) + 1, np.float32)
    return Explanation(np.zeros(segments.shape, np.float32), scores, np.zeros(0, np.int16))


def record_of(
    explanation: Explanation,
    prepared: Prepared,
    before: Tensor,
    target: int,
    attack: Record,
    classes: Classes,
    whole: bool,
) -> dict[str, Any]:
    """An image's record but for its name and its own cost.

    Args:
        explanation: of the image.
        prepared: of the image.
        before: (classes,) its probabilities, on the CPU.
        target: the class that is explained.
        attack: the record of its adversarial copy; empty: none was needed.
        classes: the detector's.
        whole: with `unscaled` of the explanation, of which the store keeps nothing.
    """
    return {
        **({"unscaled": explanation.unscaled} if whole else {}),
        "map": explanation.map,
        "segments": prepared.segments,
        "scores": explanation.scores,
        "ranking": explanation.ranking,
        "zero": explanation.zero,
        "missing": prepared.missing,
        "target": target,
        "called_real": int(classes.called(before)) == classes.real,
        "before": before.numpy(),
        "adversary_images": int(attack.get("queries", 0)),
        "adversary_calls": int(attack.get("calls", 0)),
        "adversary_seconds": float(attack.get("seconds", 0.0)),
    }
