"""The images of a list of samples: in a folder of crops, or among the run's own."""

import logging
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pandas as pd

from advxai.common import croptree
from advxai.common.categories import LABELS
from advxai.common.errors import InputError, in_line
from advxai.common.rows import rows as records
from advxai.frames.database import KEY_MAX
from advxai.media.cut import decode_png
from advxai.samples.lists import Sample, place_of
from advxai.samples.places import find, not_own, once

log = logging.getLogger(__name__)
FOUND = ("key", "sha256", "file")


def in_folder(samples: Sequence[Sample], folder: Path, compression: str, source: Path) -> pd.DataFrame:
    """The samples with their files; each is decoded once.

    Args:
        samples: as of `lists.read`.
        folder: of the images, side by side or as a tree (`advxai.common.croptree`).
        compression: the level in the keys.
        source: the list's file, for messages.

    Returns:
        Columns as of `_table`; `key` is the store's, so that an image which the run has already explained is found.

    Raises:
        InputError: as of `find`, or an image can't be decoded.
    """
    files = find(samples, folder, source)
    strayed = [(one, file.file) for one, file in zip(samples, files, strict=True) if file.elsewhere]
    if strayed:
        one, file = strayed[0]
        log.warning(
            "%d of %d images of %s are of another split than it says, the first is %s (line %d): %s",
            len(strayed), len(samples), source, in_line(one.path), one.line, file,
        )  # fmt: skip
    found = []
    for one, file in zip(samples, (found.file for found in files), strict=True):
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file} can't be read ({error.strerror}): allow it, or shorten {source}.") from error
        decode_png(data, str(file), f"cut it out anew, or take it out of {source}")
        digest = sha256(data).hexdigest()
        own = croptree.key_of(one.category, one.video, one.frame, one.face, compression) if one.video else ""
        found.append((own or _key(file, folder, digest), digest, str(file)))
    once(samples, [key for key, *_ in found], source)
    return _table(samples, found)


def in_run(samples: Sequence[Sample], manifest: pd.DataFrame, source: Path) -> pd.DataFrame:
    """The samples with the run's own images, known by category, video, frame and face.

    Args:
        samples, source: as of `in_folder`.
        manifest: the run's, with key and sha256.

    Raises:
        InputError: images aren't the run's; names the first and how many.
    """
    own = {}
    for row in records(manifest[["key", "sha256"]]):  # manifests of before there were tracks have no such column
        if (place := place_of(row["key"])) is not None:
            own[place.category, place.video, place.frame, place.face] = row
    faces = [own.get((one.category, one.video, one.frame, one.face)) for one in samples]
    absent = [one for one, face in zip(samples, faces, strict=True) if face is None]
    if absent:
        raise InputError(not_own(absent, samples, source))
    return _table(samples, [(face["key"], face["sha256"], "") for face in faces if face is not None])


def _key(file: Path, folder: Path, digest: str) -> str:
    """The store's key of an image whose name doesn't say what it is of: its place in the folder of crops, which may
    move; its hash and name where it lies elsewhere, or in so many folders that no database takes them as a key."""
    place, root = Path(os.path.abspath(file)), os.path.abspath(folder)
    inside = place.relative_to(root).as_posix() if place.is_relative_to(root) else ""
    return inside if 0 < len(inside.encode()) <= KEY_MAX else f"{digest}/{place.name}"


def _table(samples: Sequence[Sample], found: Sequence[tuple[str, str, str]]) -> pd.DataFrame:
    """A row a sample, in the list's order: key, sha256, file ("" of the run's own), video (the key's), category, label
    (the category's), fake, path, name (method and video, or the path), video_name, frame, face, video_prob,
    high_low_prob."""
    table = pd.DataFrame(found, columns=list(FOUND))
    table["video"] = table["key"].str.rpartition("/")[0]
    table["category"] = [one.category for one in samples]
    table["label"] = [LABELS.get(one.category, -1) for one in samples]
    for name in ("fake", "path", "frame", "face", "video_prob", "high_low_prob"):
        table[name] = [getattr(one, name) for one in samples]
    table["video_name"] = [one.video for one in samples]
    table["method"] = [croptree.FOLDERS.get(one.category, one.category) for one in samples]
    return table
