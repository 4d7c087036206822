"""Images that another tool cut out: the manifest of a database of the authors'."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from advxai.common.errors import InputError
from advxai.faces.extract import FACES
from advxai.frames.database import FrameStore
from advxai.media.cut import decode_png
from advxai.run.bar import Bar

UNKNOWN: dict[str, Any] = {"str": "", "int64": -1, "float64": np.nan}  # by a column's type


def from_lmdb(listed: pd.DataFrame, path: Path, source: Path) -> pd.DataFrame:
    """The manifest of a list's images in a database that the authors' tools made; every image is read once.

    Args:
        listed: as of `manifest.read_csv`. A key may be in the database with or without the face's index `_0`.
        path: the database, a file or a folder: relative path -> bytes of the encoded image.
        source: the list's file, for messages.

    Returns:
        Columns FACES, in the list's order. `key` is the database's; what the database doesn't say is -1 (box), nan
        (score) or "" (file, mask).

    Raises:
        InputError: there is no such database, an image is not in it, is another listed one's, or can't be decoded.
    """
    with FrameStore(path) as store:
        keys = [next((name for name in _names(key) if name in store), None) for key in listed["key"]]
        absent = [key for key, found in zip(listed["key"], keys, strict=True) if found is None]
        if absent:
            raise InputError(
                f"{len(absent)} of {len(keys)} images of {source} are not in {path}, the first is {absent[0]}: give "
                "the list that belongs to the database."
            )
        remedy = f"make the database anew, or take the image out of {source}"
        digests = []
        for key in Bar(keys, desc=f"check {Path(path).name}", unit="image"):
            data = store.bytes(key)
            decode_png(data, f"{key} in the database {path}", remedy)
            digests.append(sha256(data).hexdigest())
    given = {"key": keys, "sha256": digests}
    given |= {name: listed[name].to_numpy() for name in ("video", "category", "label", "split", "frame", "track")}
    columns = {name: given.get(name, [UNKNOWN[kind]] * len(keys)) for name, kind in FACES.items()}
    return pd.DataFrame(columns).astype(FACES)


def _names(key: str) -> tuple[str, str]:
    """The key as listed, and its other name."""
    stem = key.removesuffix(".png")
    return key, f"{stem.removesuffix('_0')}.png" if stem.endswith("_0") else f"{stem}_0.png"
