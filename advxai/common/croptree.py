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
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith("."))


def files_in(folder: Path) -> list[str]:
    """Names of the files in a folder, hidden ones left out, sorted; else as `folders_in`."""
    return sorted(entry.name for entry in _entries(folder) if not entry.name.startswith(".") and not entry.is_dir())


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{folder} can't be read ({error.strerror}): allow it, or correct the path.") from error


def strange_methods(root: Path) -> list[Path]:
    """Folders in those of the splits that are no method's."""
    return [
        folder / name for folder in sets_of(root).values() for name in folders_in(folder) if name not in METHODS
    ]  # fmt: skip


def videos(root: Path, split: str, category: str) -> list[Path]:
    """Folders of a category's videos in a split; none where there is no such folder."""
    folder = sets_of(root).get(split)
    place = None if folder is None else folder / FOLDERS.get(category, "")
    return [] if place is None or category not in FOLDERS else [place / name for name in folders_in(place)]


def listing_sha256(root: Path, splits: Collection[str], categories: Collection[str]) -> str:
    """SHA-256 of what a tree lists of some splits and categories: every image's path, and the size in bytes of each
    video's first one, which crops of another margin don't share. An image that is exchanged under its name and isn't
    its video's first goes unseen here; its own hash is in the manifest."""
    state = hashlib.sha256()
    for split in sorted(splits):
        for category in sorted(categories):
            for folder in videos(root, split, category):
                names = files_in(folder)
                size = (folder / names[0]).stat().st_size if names else 0
                state.update(
                    "\0".join([split, category, folder.name, str(size), *names, "\n"]).encode(errors="replace")
                )
    return state.hexdigest()


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
