"""Class probabilities of images."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import torch

from advxai.common.ahead import ahead
from advxai.common.arrays import Pixels
from advxai.common.types import Item
from advxai.detector.model import Detector


def classify(items: Sequence[Item], load: Callable[[Item], Pixels], detector: Detector) -> Iterator[dict[str, Any]]:
    """Classify images.

    Args:
        items: images with `key` and `sha256`.
        load: item -> RGB uint8 (h, w, 3).
        detector: the detector.

    Yields:
        Records: key, sha256, probabilities (classes,) float32; in the order of the items.

    Raises:
        InputError: the detector answers an image with NaN or infinity; names it.
    """

    def prepared(part: Sequence[Item]) -> torch.Tensor:
        unit = torch.stack([detector.preprocessing.unit(load(item)) for item in part])
        return detector.preprocessing.normalise(unit)

    batch = detector.forward_batch
    parts = [items[start : start + batch] for start in range(0, len(items), batch)]
    with closing(ahead(prepared, parts)) as pairs:
        for part, images in pairs:
            names = [item["key"] for item in part]
            answers = detector.probabilities(images.to(detector.device), names).cpu().numpy()
            for item, answer in zip(part, answers, strict=True):
                yield {"key": item["key"], "sha256": item["sha256"], "probabilities": answer}
