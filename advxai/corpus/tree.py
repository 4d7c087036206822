"""An FF++ root: put together from the demo's clips, and listed, whether it is the demo's or the real one."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from advxai.common.categories import FURTHER, LABELS, REAL
from advxai.common.errors import InputError
from advxai.common.files import published_folder
from advxai.config.data import SPLITS
from advxai.corpus.blocks import REPORT
from advxai.corpus.ffpp import PAIRED, find, lacking, listed_in, read_splits, videos_in

VIDEO_COLUMNS = ["video", "path", "category", "label", "split", "mask"]
LEFT_OUT_COLUMNS = ["stage", "item", "reason"]


def merge(clip_dirs: list[Path], out_root: Path) -> None:
    """Hard-link (or copy) the trees that make_clip wrote into one FF++ root with splits/{train,val,test}.json.

    `out_root` is replaced and appears when complete.

    Raises:
        InputError: no clip gave a video, or two clips use the same video number.
    """
    splits: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    with published_folder(Path(out_root)) as scratch:
        for clip_dir in map(Path, clip_dirs):
            report = json.loads((clip_dir / REPORT).read_text())
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
    """What the clips' reports list as left out, with its reason; columns stage, item, reason."""
    reports = [json.loads((Path(folder) / REPORT).read_text()) for folder in clip_dirs]
    return pd.DataFrame([row for report in reports for row in report["left_out"]], columns=LEFT_OUT_COLUMNS)


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
