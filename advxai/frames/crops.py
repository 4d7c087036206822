"""Images that another tool cut out: the manifest of a tree of crops, `frames.crops` (`advxai.common.croptree`)."""

from collections.abc import Collection, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common import croptree
from advxai.common.categories import LABELS
from advxai.common.errors import InputError
from advxai.config.data import SPLITS
from advxai.faces.extract import FACES
from advxai.frames.imported import UNKNOWN
from advxai.frames.listed import LEFT_OUT
from advxai.media.cut import decode_png
from advxai.run.bar import Bar

STAGE = "frames"
LISTED = ("key", "video", "category", "label", "split", "frame", "track", "file")


def listing(root: Path, compression: str, categories: Collection[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The images that a tree names; none is read.

    Args:
        root: the tree.
        compression: the level in the keys.
        categories: those wanted; the folders of others aren't looked at.

    Returns:
        Columns LISTED, sorted by key; and what isn't taken (columns LEFT_OUT): folders that are no method's, files with
        another form of name, what lies a level too high or too low.

    Raises:
        InputError: a video is in two splits, or twice in one, or a folder can't be read.
    """
    places: dict[str, Path] = {}
    rows, out = [], [
        _out(str(folder), f"no method's folder: the methods are {', '.join(croptree.METHODS)}")
        for folder in croptree.strange_methods(root)
    ]  # fmt: skip
    for place in croptree.sets_of(root).values():
        images = [place / name for name in croptree.files_in(place) if name.endswith(".png")]
        out += [_out(str(image), "in no method's folder, and in no video's") for image in images]
    for split in SPLITS:
        for category in categories:
            if (method := croptree.method_in(root, split, category)) is not None:
                out += _outside(method)
            for folder in croptree.videos(root, split, category):
                if croptree.shown(folder.name) != folder.name:
                    out.append(_out(str(folder), "a video's folder whose name isn't UTF-8: rename it"))
                    continue
                if (deeper := croptree.too_deep(folder)) is not None:
                    out.append(_out(str(folder), deeper))
                    continue
                video = croptree.video_of(category, folder.name, compression)
                if video in places:
                    raise InputError(
                        f"frames.crops: {folder} and {places[video]} are the same video, so frames of one split would "
                        "be in another: take one of them away."
                    )
                places[video] = folder
                names = croptree.files_in(folder)
                out += [
                    _out(str(folder / name), "a folder in a video's, in which no image is looked for")
                    for name in croptree.folders_in(folder)
                ]
                if not names:
                    out.append(_out(str(folder), "a video's folder without a file"))
                for name in names:
                    try:
                        frame, face = croptree.numbers_of(croptree.shown(name))
                    except InputError as error:
                        out.append(_out(str(folder / name), str(error)))
                        continue
                    key = croptree.key_of(category, folder.name, frame, face, compression)
                    rows.append((key, video, category, LABELS[category], split, frame, face, str(folder / name)))
    table = pd.DataFrame(rows, columns=list(LISTED)).sort_values("key", kind="stable", ignore_index=True)
    twice = table["key"].duplicated()
    if twice.any():
        key = table.loc[twice, "key"].iloc[0]
        first, second = table.loc[table["key"] == key, "file"].iloc[:2]
        raise InputError(f"frames.crops: {first} and {second} are the same frame and face: take one of them away.")
    return table, pd.DataFrame(out, columns=LEFT_OUT, dtype="str")


def from_tree(root: Path, compression: str, categories: Collection[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest of a tree; every image is read and decoded once.

    Args:
        root, compression, categories: as of `listing`.

    Returns:
        Columns FACES, sorted by key; what a tree doesn't say is -1 (box), nan (score) or "" (mask). And what was left
        out (columns LEFT_OUT): as of `listing`, and images that can't be read or decoded.

    Raises:
        InputError: as `listing`.
    """
    table, out = listing(root, compression, categories)
    broken: list[dict[str, str]] = []
    digests = dict(_checked(table, broken))
    there = table[table["key"].isin(digests)].reset_index(drop=True)
    given: dict[str, Any] = {name: there[name].to_numpy() for name in LISTED}
    given["sha256"] = [digests[key] for key in there["key"]]
    columns = {name: given.get(name, [UNKNOWN[kind]] * len(there)) for name, kind in FACES.items()}
    left_out = pd.concat([out, pd.DataFrame(broken, columns=LEFT_OUT, dtype="str")], ignore_index=True)
    return pd.DataFrame(columns).astype(FACES), left_out


def _outside(method: Path) -> Iterator[dict[str, str]]:
    """What lies beside the videos' folders."""
    for name in croptree.files_in(method):
        try:
            (method / name).stat()
        except OSError as error:
            why = f"a link that leads nowhere ({error.strerror})"
        else:
            why = "in no video's folder, so its video isn't known: put it into its video's"
        yield _out(str(method / name), why)


def _checked(table: pd.DataFrame, broken: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Key and SHA-256 of each image that can be decoded; the others join `broken`."""
    files = list(zip(table["key"], table["file"], strict=True))
    for key, file in Bar(files, desc="check crops", unit="image"):
        try:
            data = Path(file).read_bytes()
            decode_png(data, file, "cut it out anew")
        except OSError as error:
            broken.append(_out(key, f"{file} can't be read ({error.strerror})"))
        except InputError as error:
            broken.append(_out(key, str(error)))
        else:
            yield key, sha256(data).hexdigest()


def _out(item: str, why: str) -> dict[str, str]:
    return {"stage": STAGE, "item": croptree.shown(item), "reason": croptree.shown(why).rstrip(".")}
