"""Segment attacks: NES restricted to the top-k segments of a ranking (paper, section 4.2).

An attack doesn't depend on who asks: the same image and the same pixels get the same noise and so the same answer,
which other explainers' jobs can take over.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advxai.adversary.nes import Attack, attack, gaussian_noise
from advxai.config.science import Nes
from advxai.detector.engine import run as drive
from advxai.detector.model import Detector

Item = Mapping[str, Any]


def mask_id(mask: np.ndarray) -> str:
    """Names a set of pixels: hash of the (h, w) bool mask."""
    header = "x".join(map(str, mask.shape)).encode()
    return hashlib.sha256(header + np.packbits(mask).tobytes()).hexdigest()[:16]


def top_mask(record: Mapping[str, Any], k: int) -> np.ndarray:
    """Pixels of the k segments ranked first: (h, w) bool."""
    return np.isin(record["segments"], record["ranking"][:k])


def attack_items(items: Sequence[Item], saliency: Mapping[str, Mapping[str, Any]], top: int) -> list[dict[str, Any]]:
    """The attacks that an explainer's rows need: for each image with at least `top` ranked segments, one for each k in
    1..top.

    Args:
        items: images with `key` and `sha256`.
        saliency: key -> record of the saliency stage.
        top: largest k.

    Returns:
        Items with `key`, `sha256`, `mask` (its id) and `pixels` (h, w) bool.
    """
    attacks = []
    for item in items:
        record = saliency[item["key"]]
        if len(record["ranking"]) < top:
            continue
        for k in range(1, top + 1):
            pixels = top_mask(record, k)
            attacks.append({"key": item["key"], "sha256": item["sha256"], "mask": mask_id(pixels), "pixels": pixels})
    return attacks


def run(
    attacks: Iterable[Item],
    load: Callable[[Item], np.ndarray],
    detector: Detector,
    settings: Nes,
    seed: int,
    at_once: int,
) -> Iterator[dict[str, Any]]:
    """Attack segments.

    Args:
        attacks: from `attack_items`.
        load: item -> RGB uint8 (h, w, 3).
        detector: the detector to deceive.
        settings: NES settings of the evaluation.
        seed: the run's; noise is seeded by (seed, "evaluation", key, iteration), other than the adversary's.
        at_once: attacks in work together.

    Yields:
        Records: key, sha256, mask, iterations, queries, before, after (class probabilities), success.
    """
    size = (detector.preprocessing.input_size,) * 2

    def work(item: Item) -> Generator[Tensor, Tensor, Attack]:
        image = detector.preprocessing.normalise(detector.preprocessing.unit(load(item)).to(detector.device))
        noise = gaussian_noise(settings.samples, size, detector.device, seed, "evaluation", item["key"])
        pixels = torch.from_numpy(item["pixels"]).to(detector.device)
        return (yield from attack(image, settings, noise, detector.real, pixels))

    works = (((item["key"], item["sha256"], item["mask"]), work(item)) for item in attacks)
    for (key, sha256, mask), outcome, _ in drive(works, detector, at_once):
        yield {
            "key": key,
            "sha256": sha256,
            "mask": mask,
            "iterations": outcome.iterations,
            "queries": outcome.queries,
            "before": outcome.before,
            "after": outcome.after,
            "success": outcome.success,
        }
