"""An FF++ root: put together from the demo's clips, and listed, whether it is the demo's or the real one."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd

from advxai.classes import CLASSES, REAL
from advxai.corpus.blocks import REPORT, SPLITS
from advxai.errors import InputError
from advxai.files import published_folder

VIDEO_COLUMNS = ["video", "path", "category", "label", "split", "mask"]
LEFT_OUT_COLUMNS = ["stage", "item", "reason"]
ORIGINALS = ("original_sequences/youtube", "original_sequences")  # FF++'s own place, and that of the authors' metadata


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


def scan(root: Path, compression: str, categories: list[str], splits: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the videos of an FF++ root that the split files name.

    Args:
        root: holds original_sequences and manipulated_sequences.
        compression: raw, c23 or c40.
        categories: the manipulations wanted, FF++'s folder names; originals are always listed.
        splits: folder of train.json, val.json and test.json, each a list of pairs ["000", "003"]; a pair gives the
            originals 000 and 003 and, in each category, 000_003 and 003_000.

    Returns:
        (videos, left_out). videos has one row a video, originals first, in the order of the split files: video (FF++
        relative path), path (of the file), category (Real for originals), label (class index), split, mask (path of
        the mask video or ""). left_out lists the named videos that are missing: stage, item, reason.

    Raises:
        InputError: a split file is missing or malformed, a category is unknown, or one has no video at all.
    """
    root, splits = Path(root), Path(splits)
    unknown = [category for category in categories if category not in CLASSES]
    if unknown:
        raise InputError(f"category {unknown[0]} is unknown: use some of {', '.join(CLASSES[1:])}.")
    pairs = {split: _read_pairs(splits / f"{split}.json") for split in SPLITS}
    rows: list[dict[str, object]] = []
    missing: list[dict[str, str]] = []
    for category in [REAL, *(category for category in categories if category != REAL)]:
        if category == REAL:
            folder = _originals(root, compression)
        else:
            folder = f"manipulated_sequences/{category}/{compression}"
        found = 0
        for split, listed in pairs.items():
            for name in _names(listed, category):
                video = f"{folder}/videos/{name}.mp4"
                if not (root / video).is_file():
                    missing.append({"stage": "corpus", "item": video, "reason": f"listed in {split}.json, not on disk"})
                    continue
                mask = root / f"manipulated_sequences/{category}/masks/videos/{name}.mp4"
                rows.append(
                    {
                        "video": video,
                        "path": str(root / video),
                        "category": category,
                        "label": CLASSES.index(category),
                        "split": split,
                        "mask": str(mask) if mask.is_file() else "",
                    }
                )
                found += 1
        if not found:
            raise InputError(
                f"category {category} has no video: none of those that {splits} names is in {root / folder}/videos;"
                f" put them there or take {category} out of the config."
            )
    return pd.DataFrame(rows, columns=VIDEO_COLUMNS), pd.DataFrame(missing, columns=LEFT_OUT_COLUMNS)


def _names(listed: list[tuple[str, str]], category: str) -> list[str]:
    """Names of the pairs' videos in a category, without extension, in order and each once."""
    both = [name for a, b in listed for name in ((a, b) if category == REAL else (f"{a}_{b}", f"{b}_{a}"))]
    return list(dict.fromkeys(both))


def _originals(root: Path, compression: str) -> str:
    """Folder of the originals, relative to the root: the first of the known places that exists."""
    places = [f"{place}/{compression}" for place in ORIGINALS]
    return next((place for place in places if (root / place / "videos").is_dir()), places[0])


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read ({error}): put FF++'s split file there.") from error
    if not isinstance(content, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in content
    ):
        raise InputError(f'{path} is no list of pairs like ["000", "003"]: put FF++\'s split file there.')
    return [(a, b) for a, b in content]


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, place)
