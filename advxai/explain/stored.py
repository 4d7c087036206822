"""Face images of the run: by key, by number, or a random one."""

import difflib
from pathlib import Path

import numpy as np
import pandas as pd

from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.common.randomness import seed_of
from advxai.common.rows import row
from advxai.common.types import Record
from advxai.explain.request import Request, command
from advxai.explain.source import Face, Source
from advxai.faces.mask import mask_of
from advxai.frames.database import FrameStore
from advxai.media.cut import Placement
from advxai.run.paths import Paths


def of_run(one: Request, paths: Paths, seed: int, file: Path | None = None) -> Source:
    """A face image of the run, as the stages have it.

    Args:
        one: its key, its number in the list of explained images, or a random one of that list.
        paths: of the run.
        seed: of the random choice.
        file: the configuration's, for messages; None: it isn't known.

    Raises:
        InputError: the run has no such image, or hasn't made its list or its database yet.
    """
    face = _row(one, paths, seed, file)
    _there(paths.lmdb, one, file)
    with FrameStore(paths.lmdb) as frames:
        crop = frames.image(face["key"], face["sha256"])
    mask = mask_of(face) if "mask_file" in face else None
    height, width = crop.shape[:2]
    place = Placement((0, 0, width, height))
    shown = Face(1, face["key"], face["sha256"], crop, place, mask=mask, category=face["category"])
    return Source(one, "crop", face["sha256"], (height, width), [shown])


def _there(path: Path, one: Request, file: Path | None) -> Path:
    if not path.exists():
        raise InputError(
            f"{path} isn't there, which {one.argument} is to be looked up in: run {command('frames', file)} first"
        )
    return path


def _row(one: Request, paths: Paths, seed: int, file: Path | None) -> Record:
    """The image's row of the manifest or of the list of explained images."""
    path = paths.run / "frames" / "manifest.parquet" if one.kind == "key" else paths.explained
    images = parquet.read(_there(path, one, file))
    if one.kind == "key":
        return _keyed(one.argument, images, path)
    count = len(images)
    if not count:
        raise InputError(f"{path} lists no image: the run {paths.config.run} explains none")
    if one.kind == "random":
        number = int(np.random.default_rng(seed_of(seed, "explain")).integers(count))
    else:
        number = int(one.argument)
    if number >= count:
        raise InputError(f"{one.argument}: {path} lists {count} images; give a number from 0 to {count - 1}")
    return row(images.iloc[number])


def _keyed(key: str, images: pd.DataFrame, path: Path) -> Record:
    rows = images[images["key"] == key]
    if rows.empty:
        similar = difflib.get_close_matches(key, images["key"], n=1)
        hint = f"; did you mean {similar[0]}?" if similar else ""
        raise InputError(f"{key} is no face image of the run; {path} lists them{hint}")
    return row(rows.iloc[0])
