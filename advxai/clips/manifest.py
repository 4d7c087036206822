"""A run's clips and their frames, joined from the shards, and as items of the shards' lists."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.clips.cut import FRAMES
from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.faces.extract import MASKS
from advxai.frames.manifest import none_gave

CUT = "run again with `--forcerun clips_shard`, which cuts out only what isn't as it was"
CLIPS = {
    "key": "str", "sha256": "str", "video": "str", "category": "str", "label": "int64", "split": "str",
    "track": "int64", "first": "int64", "frames": "int64", "fps": "float64", "seconds_from": "float64",
    "seconds_to": "float64",
}  # fmt: skip


def build(tables: Iterable[pd.DataFrame], left_out: Sequence[Path] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join the shards' frames to one list of clips and one of frames, so that they don't depend on the shards.

    Args:
        tables: of `advxai.clips.cut.cut`.
        left_out: tables of what gave no clip, with its reasons, to be read if nothing gave one.

    Returns:
        (clips, frames): columns CLIPS, a row a clip, sorted by key; and FRAMES, a row a frame, sorted by clip and
        place.

    Raises:
        InputError: there is no clip, which names the first reason; or a clip comes twice.
    """
    there = [table for table in tables if len(table)]
    if not there:
        remedy = "set video.fakes or video.reals above 0, or give a video.list"
        raise InputError(none_gave("a clip", left_out, remedy))
    frames = pd.concat(there).sort_values(["clip", "place"], kind="stable", ignore_index=True).astype(FRAMES)
    twice = frames.loc[frames["key"].duplicated(), "clip"]
    if len(twice):
        raise InputError(f"{twice.iloc[0]} comes twice among the clips: give every video a path of its own.")
    clips = [_clip(str(key), group) for key, group in frames.groupby("clip", sort=True)]
    return pd.DataFrame(clips, columns=list(CLIPS)).astype(CLIPS), frames


def items(clips: pd.DataFrame, frames: pd.DataFrame) -> list[dict[str, Any]]:
    """What jobs read of each clip: key, hash, video, category, label, split, and its frames' keys and hashes in order.

    Args:
        clips, frames: of `build`.
    """
    of: dict[str, list[dict[str, str]]] = {}
    for row in records(frames):
        of.setdefault(str(row["clip"]), []).append({"key": row["key"], "sha256": row["sha256"]})
    own = ("key", "sha256", "video", "category", "label", "split")
    return [{name: clip[name] for name in own} | {"frames": of[str(clip["key"])]} for clip in records(clips)]


def sha256_of_frames(hashes: Iterable[str]) -> str:
    """A clip's hash: of its frames' hashes in order."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def said_of(left_out: Sequence[Path]) -> str:
    """How many clips were left out, and why the first was; "" if none was; or which table can't be read.

    Args:
        left_out: tables of what gave no clip (or of a clip has no mask), of the list and of the shards.
    """
    try:
        lines = [(path, row) for path in left_out for row in records(parquet.read(path)) if not _of_masks(row)]
    except InputError as error:
        return str(error)
    if not lines:
        return ""
    path, first = lines[0]
    are = "clip is" if len(lines) == 1 else "clips are"
    which = "" if len(lines) == 1 else ", the first"
    return f"{len(lines)} {are} left out{which}: {first['item']}: {str(first['reason']).rstrip('.')} ({path})"


def _of_masks(line: Record) -> bool:
    """It costs a clip its mask alone."""
    return str(line["item"]).endswith(f"/{MASKS}")


def _clip(key: str, frames: pd.DataFrame) -> dict[str, Any]:
    first, last = records(frames)[0], records(frames)[-1]
    lasts = last["seconds"] - first["seconds"]
    common = {name: first[name] for name in ("video", "category", "label", "split", "track")}
    return common | {
        "key": key,
        "sha256": sha256_of_frames(frames["sha256"].astype(str)),
        "first": first["frame"],
        "frames": len(frames),
        "fps": (len(frames) - 1) / lasts,
        "seconds_from": first["seconds"],
        "seconds_to": last["seconds"],
    }
