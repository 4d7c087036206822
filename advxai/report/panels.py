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
from advxai.distortion import Distortion
from advxai.faces.mask import mask_of
from advxai.frames.database import FrameStore
from advxai.paths import Paths
from advxai.report.axes import Shown
from advxai.report.captions import adversary_caption, attack_caption, clean_caption
from advxai.report.figure import Panel
from advxai.report.pick import Record, last_rows, picked
from advxai.report.style import form_of


def read_preprocessing(detector: Path) -> tuple[int, np.ndarray, np.ndarray]:
    """Input size and per-channel mean and std (3,) of a stored detector, without loading it."""
    with safe_open(detector, framework="numpy") as file:
        meta = json.loads(file.metadata()["advxai"])
    return int(meta["input_size"]), *(np.array(meta[name], dtype=np.float64) for name in ("mean", "std"))


def resized(crop: np.ndarray, size: int) -> np.ndarray:
    """The crop as the detector sees it: uint8 (h, w, 3) -> float (size, size, 3) in [0, 1]."""
    return cv2.resize(crop.astype(np.float32) / 255, (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def adversarial(image: np.ndarray, steps: np.ndarray, distortion: Distortion) -> np.ndarray:
    """The adversarial copy (h, w, 3) in units of [0, 1] of an image (h, w, 3) in [0, 1]."""
    mean, std = distortion.mean, distortion.std
    attacked = distortion.apply((image.transpose(2, 0, 1) - mean) / std, steps.astype(np.float64))
    return (attacked * std + mean).transpose(1, 2, 0)


def shown(method: str, record: Record, caption: str = "") -> Shown:
    """A record of the stage saliency as what to draw; `method` is the explainer's."""
    form = form_of(method, record)
    fields = (record[name] for name in ("map", "segments", "ranking"))
    return Shown(*fields, caption, form=form, scores=record["scores"], zero=record["zero"])


def panel(
    face: Mapping[str, Any],
    frames: FrameStore,
    saliency: Mapping[str, Record],
    rows: Mapping[str, Mapping[str, Any]],
    adversary: Record | None,
    *,
    methods: Mapping[str, str],
    size: int,
    distortion: Distortion,
) -> Panel:
    """Everything that is known of one image, as a column of a figure.

    Args:
        face: the image's row of the manifest.
        frames: the LMDB.
        saliency: explainer -> the image's record of the stage saliency.
        rows: explainer -> the image's evaluation row of the largest k.
        adversary: the image's record of the stage adversary; None: there is none.
        methods: explainer -> its `method`.
        size: the detector's input size.
        distortion: the adversary's; mean and std (3, 1, 1) float64.
    """
    image = resized(frames.image(face["key"]), size)
    before = next(iter(saliency.values()))["before"]
    mask = mask_of(face)
    copy = None if adversary is None else adversarial(image, adversary["steps"], distortion)
    return Panel(
        title=face["category"],
        image=image,
        caption=clean_caption(before, CLASSES),
        mask=None if mask is None else mask > 0,
        adversarial=copy,
        adversarial_caption="" if adversary is None else adversary_caption(adversary, CLASSES, CLASSES.index(REAL)),
        explanations={
            name: shown(methods[name], record, attack_caption(rows[name], CLASSES)) for name, record in saliency.items()
        },
    )


def panels_of(
    paths: Paths, keys: Sequence[str], rows: pd.DataFrame, faces: pd.DataFrame, detector: Path, copies: Sequence[Path]
) -> list[Panel]:
    """What a run knows of a few images.

    Args:
        paths: of the run.
        keys: the images'.
        rows: evaluation rows of the explainers that are shown.
        faces: the manifest, by key.
        detector: the detector's file.
        copies: the run's shards of adversarial copies; none: they aren't shown.
    """
    config = paths.config
    names = [name for name in config.explainers if name in set(rows["explainer"])]
    maps = {name: picked(paths.maps_of(name), paths, keys) for name in names}
    found = picked(copies, paths, keys)
    size, mean, std = read_preprocessing(detector)
    distortion = Distortion(config.adversary, mean[:, None, None], std[:, None, None])
    with FrameStore(paths.lmdb) as frames:
        return [
            panel(
                faces.loc[key].to_dict(),
                frames,
                {name: maps[name][key] for name in names},
                last_rows(rows, key, names),
                found.get(key),
                methods={name: config.explainers[name].method for name in names},
                size=size,
                distortion=distortion,
            )
            for key in keys
        ]
