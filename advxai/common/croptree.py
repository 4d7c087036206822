"""Trees of face images that were cut out elsewhere: `<split>_set/<method>/<video>/<frame>_<face>.png`.

The tools of the hybrids of EfficientNet and transformer (Coccomini et al., 2022) leave FaceForensics++ so. Standard
library alone: planning looks at such trees.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from advxai.common.categories import REAL
from advxai.common.errors import InputError, in_line

SETS = {"training_set": "train", "train_set": "train", "validation_set": "val", "val_set": "val", "test_set": "test"}
METHODS = {
    "Original": REAL,
    **{name: name for name in ("Deepfakes", "Face2Face", "FaceShifter", "FaceSwap", "NeuralTextures")},
}
FOLDERS = {category: method for method, category in METHODS.items()}
FACE = re.compile(r"(?P<frame>[0-9]{1,9})_(?P<face>[0-9]{1,2})\.png")
SIDE_BY_SIDE = re.compile(rf"(?P<method>{'|'.join(METHODS)})_(?P<video>.+)_(?P<file>{FACE.pattern})")
FORM = "<frame>_<face>.png, the face a number below 100"


def sets_of(root: Path) -> dict[str, Path]:
    """The folders of a tree's splits, by the split.

    Raises:
        InputError: one split has two folders.
    """
    found: dict[str, Path] = {}
    for name, split in SETS.items():
        if (root / name).is_dir():
            if split in found:
                raise InputError(
                    f"frames.crops: {root} has both {found[split].name} and {name}, which are one split: join them."
                )
            found[split] = root / name
    return found


def is_tree(root: Path) -> bool:
    """Whether a folder holds the folder of a split."""
    return any((root / name).is_dir() for name in SETS)


def folders_in(folder: Path) -> list[str]:
    """Names of the folders in a folder, hidden ones left out, sorted; none where it isn't there.

    Raises:
        InputError: it can't be read.
    """
    return sorted(entry.name for entry in _entries(folder) if _is_dir(entry))


def files_in(folder: Path) -> list[str]:
    """Names of what else is in a folder, links that lead nowhere too; else as `folders_in`."""
    return sorted(entry.name for entry in _entries(folder) if not _is_dir(entry))


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{folder} can't be read ({error.strerror}): allow it, or correct the path.") from error


def strange_methods(root: Path) -> list[Path]:
    """Folders in those of the splits that are no method's."""
    return [
        folder / name for folder in sets_of(root).values() for name in folders_in(folder) if name not in METHODS
    ]  # fmt: skip


def method_in(root: Path, split: str, category: str) -> Path | None:
    """The folder of a category's videos in a split, be it there or not; None: there is no such split or method."""
    folder = sets_of(root).get(split)
    return None if folder is None or category not in FOLDERS else folder / FOLDERS[category]


def videos(root: Path, split: str, category: str) -> list[Path]:
    """Folders of a category's videos in a split; none where there is no such folder."""
    place = method_in(root, split, category)
    return [] if place is None else [place / name for name in folders_in(place)]


def has_image(video: Path) -> bool:
    """Whether a video's folder has a file that is named as an image, in a form that can be told."""
    return shown(video.name) == video.name and any(FACE.fullmatch(name) for name in files_in(video))


def too_deep(folder: Path) -> str | None:
    """What to say of a folder that has no image, but folders with images, where a video's should be; None: it isn't."""
    inner = () if has_image(folder) else folders_in(folder)
    first = next((folder / name for name in inner if has_image(folder / name)), None)
    if first is None:
        return None
    return f"the images lie a level too deep, such as in {first}: move what is in {folder} into {folder.parent}"


def shown(name: str) -> str:
    """A path or name as it may be written into a table: bytes that aren't UTF-8 by their numbers."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def listing_sha256(root: Path, splits: Collection[str], categories: Collection[str], times: bool = False) -> str:
    """SHA-256 of what a tree lists of some splits and categories: every file's path and size in bytes.

    Args:
        root: the tree.
        splits, categories: those wanted.
        times: when each file was last changed, too, which a copy of the tree doesn't share.
    """
    state = hashlib.sha256()
    for split in sorted(splits):
        for category in sorted(categories):
            for folder in videos(root, split, category):
                told = [field for file in _stated(folder) for field in file[: 3 if times else 2]]
                state.update("\0".join([split, category, folder.name, *told, "\n"]).encode(errors="surrogateescape"))
    return state.hexdigest()


def _stated(folder: Path) -> list[tuple[str, str, str]]:
    """Name, size and time of the last change of each file in a folder, by name; of a link that leads nowhere none."""
    found = []
    for entry in _entries(folder):
        if _is_dir(entry):
            continue
        try:
            about = entry.stat()
        except OSError:
            found.append((entry.name, "", ""))
        else:
            found.append((entry.name, str(about.st_size), str(about.st_mtime_ns)))
    return sorted(found)


def video_of(category: str, name: str, compression: str) -> str:
    """FaceForensics++'s relative path of a video, by which the store knows it; `name` is the folder's."""
    first = "original_sequences/youtube" if category == REAL else f"manipulated_sequences/{category}"
    return f"{first}/{compression}/videos/{name.removesuffix('.mp4')}.mp4"


def key_of(category: str, video: str, frame: int, face: int, compression: str) -> str:
    """The key of an image in the store's canonical form, as of those that are cut out here."""
    return f"{video_of(category, video, compression)}/{frame:05d}_{face}.png"


def numbers_of(name: str) -> tuple[int, int]:
    """Frame and face of an image's file.

    Raises:
        InputError: it isn't named so.
    """
    match = FACE.fullmatch(name)
    if match is None:
        raise InputError(f"{in_line(name)} isn't named {FORM}: rename it, or move it away.")
    return int(match["frame"]), int(match["face"])
