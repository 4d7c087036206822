"""An FF++ root: put together from the demo's clips, and listed, whether it is the demo's or the real one."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common.categories import FURTHER, LABELS, REAL
from advxai.common.errors import InputError, reading
from advxai.common.files import published_folder
from advxai.common.jsonfile import read_object
from advxai.config.data import SPLITS
from advxai.corpus.blocks import REPORT
from advxai.corpus.ffpp import PAIRED, find, lacking, listed_in, read_splits, videos_in

VIDEO_COLUMNS = ["video", "path", "category", "label", "split", "mask"]
LEFT_OUT_COLUMNS = ["stage", "item", "reason"]


def merge(clip_dirs: list[Path], out_root: Path) -> None:
    """Hard-link (or copy) the trees that make_clip wrote into one FF++ root with splits/{train,val,test}.json.

    `out_root` is replaced and appears when complete.

    Raises:
        InputError: no clip gave a video, two clips use the same video number, or a clip's report can't be read.
    """
    splits: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    with published_folder(Path(out_root)) as scratch:
        for clip_dir in map(Path, clip_dirs):
            report = _report(clip_dir)
            for split, listed in report["pairs"].items():
                splits[split].extend(listed)
            for source in sorted(clip_dir.rglob("*.mp4")):
                place = scratch / source.relative_to(clip_dir)
                if place.exists():
                    raise InputError(f"{source} is there twice: give the clips of the corpus different video numbers.")
                place.parent.mkdir(parents=True, exist_ok=True)
                _link(source, place)
        if not any(splits.values()):
            reasons = left_out(clip_dirs)["reason"].tolist()
            raise InputError(
                f"corpus: no clip gave a video ({'; '.join(reasons) or 'none is listed'}): add a usable clip."
            )
        (scratch / "splits").mkdir()
        for split, listed in splits.items():
            (scratch / "splits" / f"{split}.json").write_text(json.dumps(listed) + "\n")


def left_out(clip_dirs: list[Path]) -> pd.DataFrame:
    """What the clips' reports list as left out, with its reason; columns stage, item, reason. InputError if a report
    can't be read."""
    reports = [_report(Path(folder)) for folder in clip_dirs]
    return pd.DataFrame([row for report in reports for row in report["left_out"]], columns=LEFT_OUT_COLUMNS)


def _report(folder: Path) -> dict[str, Any]:
    """What `make_clip` says of a clip."""
    path, remedy = folder / REPORT, "delete its folder and run again"
    report = read_object(path, remedy)
    with reading(path, remedy):
        splits = report["pairs"].keys()
        if unknown := sorted(splits - set(SPLITS)):
            raise ValueError(f"it has a split {unknown[0]}")
        if any(set(row) != set(LEFT_OUT_COLUMNS) for row in report["left_out"]):
            raise ValueError("what it has left out lacks a reason")
    return report


def scan(
    root: Path, compression: str, categories: Sequence[str], splits: Path, also: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the videos of an FF++ root that the split files name.

    Args:
        root: holds original_sequences and manipulated_sequences.
        compression: raw, c23 or c40.
        categories: manipulations wanted, FF++'s folder names; originals are always listed.
        splits: folder of the official split files, or the authors' metadata, as in `ffpp.read_splits`.
        also: further videos, some of FaceShifter, DeepFakeDetection and actors. The last two have no split files: all
            of their videos are test videos.

    Returns:
        (videos, left_out). videos has one row a video, originals first, in the order of the split files: video (FF++
        relative path), path (of the file), category (Real for originals), label (the authors' mc_label, see
        `advxai.common.categories.LABELS`), split, mask (path of the mask video or ""). left_out lists the named videos
        that are missing: stage, item, reason.

    Raises:
        InputError: a split file is missing or malformed, a category is unknown, or one has no video at all.
    """
    root, splits = Path(root), Path(splits)
    for key, wanted, known in (("categories", categories, PAIRED), ("also", also, tuple(FURTHER))):
        unknown = [category for category in wanted if category not in known]
        if unknown:
            raise InputError(f"corpus.{key}: {unknown[0]} is unknown: use some of {', '.join(known)}.")
    names = read_splits(splits)
    rows: list[dict[str, object]] = []
    absent: list[dict[str, str]] = []
    for category in dict.fromkeys((REAL, *categories, *also)):
        found = find(root, compression, category, names)
        lack = lacking(root, found, category, splits, also)
        if lack:
            raise InputError(f"{lack}.")
        mask_folder = f"manipulated_sequences/{category}/masks/videos"
        masks = videos_in(root / mask_folder)
        for split, listed in found.names.items():
            for name in listed:
                video = f"{found.folder}/{name}.mp4"
                if name not in found.there:
                    reason = f"listed in {listed_in(splits, split)}, not on disk"
                    absent.append({"stage": "corpus", "item": video, "reason": reason})
                    continue
                rows.append(
                    {
                        "video": video,
                        "path": str(root / video),
                        "category": category,
                        "label": LABELS[category],
                        "split": split,
                        "mask": str(root / mask_folder / f"{name}.mp4") if name in masks else "",
                    }
                )
    return pd.DataFrame(rows, columns=VIDEO_COLUMNS), pd.DataFrame(absent, columns=LEFT_OUT_COLUMNS)


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, place)
