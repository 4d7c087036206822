"""The figures' short texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def clean_caption(probabilities: np.ndarray, classes: Sequence[str]) -> str:
    """What the detector says of the clean image: (classes,) probabilities -> `called Deepfakes, p = 0.98`."""
    predicted = int(np.argmax(probabilities))
    return f"called {classes[predicted]}, p = {probabilities[predicted]:.2f}"


def adversary_caption(record: Mapping[str, Any], classes: Sequence[str], real: int) -> str:
    """Outcome of NES: a record of the stage adversary -> what it is called, after how many iterations, and how p(Real)
    moved."""
    called = classes[int(np.argmax(record["after"]))]
    iterations = int(record["iterations"])
    moved = f"p(Real) {record['before'][real]:.2f} \N{RIGHTWARDS ARROW} {record['after'][real]:.2f}"
    return f"called {called}\nafter {iterations} iteration{'' if iterations == 1 else 's'}\n{moved}"


def attack_caption(row: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Outcome of the attack on the top-k segments: an evaluation row -> how p of the predicted class moved, and what
    the image is called then; for an image that left the explainer's rows, that."""
    if not row["included"]:
        return "left out of the rows"
    before, after = classes[int(row["predicted_before"])], classes[int(row["predicted_after"])]
    moved = f"p {row['p_before']:.2f} \N{RIGHTWARDS ARROW} {row['p_after']:.2f}"
    return f"top-{row['k']} attacked: {moved}\n{'still' if before == after else 'now'} {after}"
