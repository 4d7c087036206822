"""Cuts out the counterparts of a run's images, and judges how well they fit."""

import hashlib
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from advxai.common import parquet
from advxai.common.arrays import Pixels
from advxai.common.errors import InputError, reading
from advxai.common.files import file_sha256, publish
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.faces.mask import mask_of
from advxai.frames.counterparts import COLUMNS, SUFFIX, alignment, original_of
from advxai.frames.database import CUT, build
from advxai.media.cut import Placement, decode_png, encode_png
from advxai.media.video import read_at
from advxai.run import progress
from advxai.run.bar import Bar
from advxai.run.scratch import nearby

log = logging.getLogger(__name__)
STAGE = "counterparts"


def collect(
    images: pd.DataFrame, root: Path | None, store: Path, aligned: float, scratch: Path | None, remedy: str = CUT
) -> pd.DataFrame:
    """Cut out the counterpart of each image; crops that are in the store already aren't cut again.

    A video that is missing or can't be read costs its images' counterparts, and nothing else.

    Args:
        images: rows of the manifest, fakes.
        root: FF++'s root; None: there are no videos.
        store: folder of the crops.
        aligned: most alignment, see there.
        scratch: folder to copy videos to before they are decoded; None: they are decoded where they lie.
        remedy: what to do where an image's own file can't be read, for messages.

    Returns:
        Columns COLUMNS, one row an image, in the order of the images.
    """
    found: dict[str, dict[str, Any]] = {}
    wanted: dict[Path, list[Record]] = {}
    for face in records(images):
        path, reason = _video(face, root)
        if path is None:
            found[str(face["key"])] = {"reason": reason}
        else:
            wanted.setdefault(path, []).append(face)
    bar = Bar(total=len(images), initial=len(found), desc="counterparts", unit="image")
    cutting = 0
    for path, faces in wanted.items():
        crops, new = _crops(path, faces, store, scratch)
        cutting += new
        for one in faces:
            crop = crops[str(one["key"])]
            found[str(one["key"])] = _judged(one, crop, aligned, remedy) if isinstance(crop, Path) else {"reason": crop}
            bar.update()
    bar.close()
    there = sum(not row["reason"] for row in found.values())
    progress.tell(found=sum(bool(row.get("file")) for row in found.values()) - cutting, computed=cutting)
    log.info("counterparts: %d of %d images have one", there, len(images), extra={"told": True})
    originals = {str(one["key"]): str(path) for path, faces in wanted.items() for one in faces}
    empty: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(("outside", "inside", "alignment"), np.nan)
    lines: list[Record] = [
        {**empty, "key": key, "original": originals.get(key, ""), **found[key]} for key in images["key"].astype(str)
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS)).astype(COLUMNS)


def write(table: pd.DataFrame, output: Any, scratch: Path | None) -> None:
    """Publish the table, the database of what is there, and the list of what isn't.

    Args:
        table: of `collect`.
        output: the rule's output, paths by name: table, lmdb, left_out.
        scratch: as of `advxai.frames.database.build`.
    """
    there = table[table["reason"] == ""]
    build(there.assign(key=there["key"] + SUFFIX), Path(output.lmdb), scratch, empty=True)
    without = table[table["reason"] != ""]
    listed = {"stage": STAGE, "item": without["key"], "reason": "no counterpart: " + without["reason"]}
    parquet.write(pd.DataFrame(listed, columns=["stage", "item", "reason"]).astype("str"), output.left_out)
    parquet.write(table, output.table)


def _video(face: Record, root: Path | None) -> tuple[Path | None, str]:
    """The original's file, or why there is none."""
    if root is None or min(int(face[name]) for name in ("x1", "y1", "x2", "y2")) < 0:
        return None, "the images were cut out elsewhere, and their database or tree doesn't say where in the video"
    names = original_of(str(face["video"]))
    if not names:
        return None, "the name of its video doesn't say which original it was made from"
    path = next((root / name for name in names if (root / name).is_file()), None)
    return (path, "") if path is not None else (None, f"{names[0]} isn't there")


def _crops(path: Path, faces: list[Record], store: Path, scratch: Path | None) -> tuple[dict[str, Path | str], int]:
    """The file of each face's counterpart, or why there is none; and how many were cut out now."""
    try:
        folder = store / f"{path.stem}-{file_sha256(path)[:12]}"
    except OSError as error:
        return dict.fromkeys((str(face["key"]) for face in faces), f"{path} can't be read ({error.strerror})"), 0
    found: dict[str, Path | str] = {}
    places = {str(face["key"]): folder / _name(face) for face in faces}
    left = [face for face in faces if not _whole(places[str(face["key"])])]
    try:
        with nearby(path, scratch) as source:
            _cut(source, path, left, places, found)
    except InputError as error:  # what isn't cut out by now can't be
        for face in left:
            found.setdefault(str(face["key"]), "" if _whole(places[str(face["key"])]) else str(error))
    new = sum(not found.get(str(face["key"])) for face in left)
    return {key: found.get(key) or place for key, place in places.items()}, new


def _cut(
    source: Path, path: Path, faces: list[Record], places: Mapping[str, Path], found: dict[str, Path | str]
) -> None:
    """Write the crops of some faces; reasons why one can't be go to `found`."""
    by_frame: dict[int, list[Record]] = {}
    for face in faces:
        by_frame.setdefault(int(face["frame"]), []).append(face)
    seen = set()
    for number, image in read_at(source, by_frame) if by_frame else ():
        seen.add(number)
        for face in by_frame[number]:
            try:
                data = encode_png(Placement.of(face).cut(image))
            except ValueError as error:
                found[str(face["key"])] = f"{path}: {error}"
                continue
            publish(places[str(face["key"])], partial(Path.write_bytes, data=data))
    for number in by_frame.keys() - seen:
        for face in by_frame[number]:
            found[str(face["key"])] = f"{path} has no frame {number}"


def _name(face: Record) -> str:
    """Names a crop by what it is cut out of the video: frame and box, and what the box doesn't say of its place."""
    place = Placement.of(face)
    more = f"_{hashlib.sha256(place.text.encode()).hexdigest()[:12]}" if place.text else ""
    return f"{int(face['frame']):05d}_" + "_".join(map(str, place.bounds)) + f"{more}.png"


def _whole(path: Path) -> bool:
    """A crop is there and can be decoded."""
    try:
        return bool(_decoded(path).size)
    except (OSError, InputError):
        return False


def _decoded(path: Path) -> Pixels:
    return decode_png(path.read_bytes(), str(path), "delete it and run again")


def _judged(face: Record, crop: Path, aligned: float, remedy: str) -> dict[str, Any]:
    """A counterpart that is there: its file, how well it fits, and whether that is well enough."""
    with reading(face["file"], remedy):
        fake = decode_png(Path(face["file"]).read_bytes(), str(face["file"]), remedy)
    fit = alignment(fake, _decoded(crop), mask_of(face))
    reason = ""
    if np.isnan(fit["alignment"]):
        reason = "the original's frame is the same picture"
    elif fit["alignment"] > aligned:
        reason = f"it isn't aligned (difference outside over inside {fit['alignment']:.2f}, at most {aligned:g})"
    digest = hashlib.sha256(crop.read_bytes()).hexdigest()
    return {"file": str(crop), "sha256": digest, **fit, "reason": reason}
