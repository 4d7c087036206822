"""From what the stages left to the panels of a figure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from safetensors import safe_open

from advxai.classes import CLASSES, REAL
from advxai.faces.mask import mask_crop
from advxai.frames.database import FrameStore
from advxai.report.captions import adversary_caption, attack_caption, clean_caption
from advxai.report.figure import Panel, Shown

Record = Mapping[str, Any]


def read_preprocessing(detector: Path) -> tuple[int, np.ndarray]:
    """Input size and per-channel std of a stored detector, without loading it."""
    with safe_open(detector, framework="numpy") as file:
        meta = json.loads(file.metadata()["advxai"])
    return int(meta["input_size"]), np.array(meta["std"], dtype=np.float64)


def _resized(crop: np.ndarray, size: int) -> np.ndarray:
    """The crop as the detector sees it: uint8 (h, w, 3) -> float (size, size, 3) in [0, 1]."""
    return cv2.resize(crop.astype(np.float32) / 255, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def panel(
    face: Mapping[str, Any],
    frames: FrameStore,
    saliency: Mapping[str, Record],
    rows: Mapping[str, Mapping[str, Any]],
    adversary: Record | None,
    *,
    alpha: float,
    size: int,
    std: np.ndarray,
) -> Panel:
    """Everything that is known of one image, as a column of a figure.

    Args:
        face: the image's row of the manifest.
        frames: the LMDB.
        saliency: explainer -> the image's record of the stage saliency.
        rows: explainer -> the image's evaluation row of the largest k.
        adversary: the image's record of the stage adversary; None: there is none.
        alpha: step of the adversary, in normalised units.
        size: the detector's input size.
        std: (3,) of the detector's normalisation.
    """
    image = _resized(frames.image(face["key"]), size)
    before = next(iter(saliency.values()))["before"]
    box = tuple(int(face[name]) for name in ("x1", "y1", "x2", "y2"))
    copy = None if adversary is None else image + alpha * adversary["steps"].transpose(1, 2, 0) * std
    return Panel(
        title=face["category"],
        image=image,
        caption=clean_caption(before, CLASSES),
        mask=mask_crop(Path(face["mask"]), int(face["frame"]), box) > 0 if face["mask"] else None,
        adversarial=copy,
        adversarial_caption="" if adversary is None else adversary_caption(adversary, CLASSES, CLASSES.index(REAL)),
        explanations={
            name: Shown(record["map"], record["segments"], record["ranking"], attack_caption(rows[name], CLASSES))
            for name, record in saliency.items()
        },
    )


def last_rows(rows: pd.DataFrame, key: str, explainers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """explainer -> the evaluation row of an image's largest k."""
    mine = rows[rows["key"] == key].sort_values("k").groupby("explainer").last()
    return {name: mine.loc[name].to_dict() | {"k": int(rows["k"].max())} for name in explainers}
