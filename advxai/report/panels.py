"""From what the stages left to the panels of a figure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from advxai.adversary.distortion import Distortion
from advxai.common import parquet
from advxai.common.arrays import Flags, Floats, Picture, Pixels
from advxai.common.classes import Classes
from advxai.common.errors import reading
from advxai.common.rows import row_at
from advxai.common.types import Record
from advxai.config.science import Fit, Nes, Resize
from advxai.faces.mask import mask_of
from advxai.frames.database import FrameStore
from advxai.media.fit import STRETCH, region_over, unit_of
from advxai.report.axes import Shown
from advxai.report.captions import adversary_caption, attack_caption, clean_caption
from advxai.report.figure import Panel
from advxai.report.pick import last_rows, pick, picked
from advxai.report.style import form_of
from advxai.run.paths import Paths
from advxai.saliency.ranking import missing_of
from advxai.tables.read import evaluation


def seen_by(detector: Path, settings: Nes) -> tuple[int, Distortion]:
    """Input size of a stored detector, and what an attack's steps do in its normalisation, mean and std (3, 1, 1)
    float64; the detector isn't loaded. InputError if its file can't be read."""
    with reading(detector, "delete it and run again", "a detector of the store"):
        with safe_open(detector, framework="numpy") as file:
            meta = json.loads(file.metadata()["advxai"])
        mean, std = (np.array(meta[name], dtype=np.float64).reshape(3, 1, 1) for name in ("mean", "std"))
        size = int(meta["input_size"])
    return size, Distortion(settings, mean, std)


def mask_seen(face: Record, crop: Pixels, size: int, fit: Fit) -> Flags | None:
    """An image's truly manipulated region, which is drawn over the whole of what the detector sees: of the crop's
    pixels where that is all of the input, else of the input's. (h, w) bool; None: it isn't known.

    Args:
        face: the image's row of the manifest.
        crop: the image, uint8 (h, w, 3).
        size: the detector's input size.
        fit: how the crop lies in it.
    """
    mask = mask_of(face)
    if mask is None or fit == "stretch" or mask.shape != crop.shape[:2]:
        return None if mask is None else mask > 0
    return region_over(mask > 0, (size, size), fit)


def as_seen(original: Pixels | None, size: int, resize: Resize) -> Picture | None:
    """A counterpart (h, w, 3) as it is to be shown beside a crop that `panel` gives: in its own resolution where the
    crop is a square that is all of the detector's input, else as that."""
    if original is None or (resize.fit == "stretch" and original.shape[0] == original.shape[1]):
        return original
    return unit_of(original, size, resize)


def adversarial(image: Floats, steps: NDArray[np.integer], distortion: Distortion) -> Floats:
    """The adversarial copy (h, w, 3) in units of [0, 1] of an image (h, w, 3) in [0, 1]."""
    mean, std = distortion.mean, distortion.std
    attacked = distortion.apply((image.transpose(2, 0, 1) - mean) / std, steps.astype(np.float64))
    copy: Floats = (attacked * std + mean).transpose(1, 2, 0)
    return copy


def shown(method: str, record: Record, caption: str = "") -> Shown:
    """A record of the stage saliency as what to draw; `method` is the explainer's."""
    form = form_of(method, record)
    names = ("map", "segments", "ranking", "scores", "zero")
    return Shown(**{name: record[name] for name in names}, caption=caption, form=form)


def panel(
    face: Record,
    frames: FrameStore,
    saliency: Mapping[str, Record],
    rows: Mapping[str, Record],
    adversary: Record | None,
    *,
    methods: Mapping[str, str],
    classes: Classes,
    size: int,
    distortion: Distortion,
    resize: Resize = STRETCH,
) -> Panel:
    """Everything that is known of one image, as a column of a figure.

    Args:
        face: the image's row of the manifest.
        frames: the LMDB.
        saliency: explainer -> the image's record of the stage saliency.
        rows: explainer -> the image's evaluation row of the largest k.
        adversary: the image's record of the stage adversary; None: there is none.
        methods: explainer -> its `method`.
        classes: the detector's.
        size: the detector's input size.
        distortion: the adversary's; mean and std (3, 1, 1) float64.
        resize: how the detector's input is made of a crop.
    """
    crop = frames.image(face["key"])
    image = unit_of(crop, size, resize)
    before = next(iter(saliency.values()))["before"]
    copy = None if adversary is None else adversarial(image, adversary["steps"], distortion)
    return Panel(
        title=face["category"],
        image=image,
        caption=clean_caption(before, classes),
        mask=mask_seen(face, crop, size, resize.fit),
        adversarial=copy,
        adversarial_caption="" if adversary is None else adversary_caption(adversary, classes),
        explanations={
            name: None if missing_of(record) else shown(methods[name], record, attack_caption(rows[name], classes))
            for name, record in saliency.items()
        },
    )


def panels_of(
    paths: Paths, evaluated: Sequence[Path], manifest: Path, detector: Path, copies: Sequence[Path] = ()
) -> list[tuple[Record, Panel]]:
    """What a run knows of one image of each category, as `advxai.report.pick.pick` chooses it.

    Args:
        paths: of the run.
        evaluated: evaluation rows of the explainers that are shown.
        manifest: the run's table of faces.
        detector: the detector's file.
        copies: the run's shards of adversarial copies; none: they aren't shown.

    Returns:
        (row of the manifest, panel) of each.
    """
    config = paths.config
    rows = evaluation(evaluated)
    faces = parquet.read(manifest).set_index("key", drop=False)
    keys = list(pick(rows, list(config.corpus.categories), paths.classes).values())
    names = [name for name in config.explainers if name in set(rows["explainer"])]
    maps = {name: picked(paths.maps_of(name), paths, keys) for name in names}
    found = picked(copies, paths, keys)
    size, distortion = seen_by(detector, config.adversary)
    chosen = [row_at(faces, key) for key in keys]
    with FrameStore(paths.lmdb) as frames:
        panels = [
            panel(
                face,
                frames,
                {name: maps[name][face["key"]] for name in names},
                last_rows(rows, face["key"], names),
                found.get(face["key"]),
                methods={name: config.explainers[name].method for name in names},
                classes=paths.classes,
                size=size,
                distortion=distortion,
                resize=config.detector.resizing,
            )
            for face in chosen
        ]
    return list(zip(chosen, panels, strict=True))
