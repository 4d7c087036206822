"""Segment attacks: NES restricted to the top-k segments of a ranking (paper, section 4.2).

An attack doesn't depend on who asks: the same image and the same pixels get the same noise and so the same answer,
which other explainers' jobs can take over.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import torch
from torch import Tensor

from advxai.adversary.nes import Attack, attack, gaussian_noise, nes_at_once
from advxai.common.ahead import ahead
from advxai.common.arrays import Pixels
from advxai.common.limit import within
from advxai.common.types import Item
from advxai.config.science import Nes
from advxai.detector.engine import moved
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector


def run(
    attacks: Iterable[Item],
    load: Callable[[Item], Pixels],
    detector: Detector,
    settings: Nes,
    seed: int,
    at_once: int,
) -> Iterator[dict[str, Any]]:
    """Attack segments.

    Args:
        attacks: from `advxai.evaluation.masks.attack_items`.
        load: item -> RGB uint8 (h, w, 3).
        detector: the detector to deceive.
        settings: NES settings of the evaluation.
        seed: the run's; noise is seeded by (seed, "evaluation", key, iteration), other than the adversary's.
        at_once: attacks in work together, at most.

    Yields:
        Records: key, sha256, mask, iterations, queries, before, after (class probabilities), success.
    """
    size = (detector.preprocessing.input_size,) * 2

    def work(item: Item, image: Tensor) -> Generator[Tensor, Tensor, Attack]:
        identity = (seed, "evaluation", item["key"])
        noise = gaussian_noise(settings.samples, size, detector.device, *identity, channels=settings.channels)
        pixels = moved(torch.from_numpy(item["pixels"]), detector.device)
        return (yield from attack(image, settings, detector.preprocessing, noise, detector.classes, pixels))

    with closing(ahead(lambda item: detector.preprocessing.normalised(load(item)), attacks)) as prepared:
        works = (
            ((item["key"], item["sha256"], item["mask"]), work(item, detector.place(image))) for item, image in prepared
        )
        together = within(at_once, nes_at_once(settings, detector))
        for (key, sha256, mask), outcome, _ in drive(works, detector, together, "evaluation"):
            yield record_of(key, sha256, mask, outcome)


def record_of(key: str, sha256: str, mask: str, outcome: Attack) -> dict[str, Any]:
    """The record of an attack on an image's segments, or on a clip's."""
    return {
        "key": key,
        "sha256": sha256,
        "mask": mask,
        "iterations": outcome.iterations,
        "queries": outcome.queries,
        "before": outcome.before,
        "after": outcome.after,
        "success": outcome.success,
    }
