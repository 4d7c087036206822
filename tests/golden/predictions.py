"""Predictions: class probabilities of images that are resized, normalised and classified in padded batches."""

import numpy as np

from advxai.detector.classify import classify
from tests.golden.compare import Near, Values
from tests.golden.pictures import detector, items, picture

SIZES = {1: (32, 32), 2: (40, 36), 3: (24, 50), 4: (90, 90), 5: (31, 33), 6: (40, 40)}
HARSH = 6


def values() -> Values:
    def load(item: dict[str, str]) -> np.ndarray:
        seed = int(item["key"].rpartition("/")[2])
        image = picture(seed, *SIZES[seed])
        # black and white, so that bicubic interpolation leaves the valid range
        return np.where(image > 128, 255, 0).astype(np.uint8) if seed == HARSH else image

    return {
        "images": [
            {**record, "probabilities": Near(record["probabilities"], absolute=1e-6)}
            for record in classify(items(*SIZES), load, detector(0.3, forward_batch=2))
        ]
    }
