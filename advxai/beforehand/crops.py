"""What a tree of crops (`frames.crops`) lacks for a run, by the names of its folders."""

from collections.abc import Collection
from pathlib import Path

from advxai.common.croptree import (
    FOLDERS,
    FORM,
    METHODS,
    SETS,
    has_image,
    is_tree,
    sets_of,
    shown,
    strange_methods,
    too_deep,
    videos,
)
from advxai.common.errors import InputError
from advxai.corpus.nearby import nearby

NAMES = {"train": "training_set", "val": "validation_set", "test": "test_set"}  # as the tools' own


def untreed(root: Path) -> list[str]:
    """Why a folder is no tree of crops, a sentence; none where it is one."""
    if is_tree(root):
        try:
            sets_of(root)
        except InputError as error:
            return [str(error).removesuffix(".")]
        return []
    wanted = f"none of the folders {', '.join(SETS)}"
    if found := nearby(root, is_tree):
        several = len(found) > 1
        where = ", ".join(map(str, found[:-1])) + f" and {found[-1]}" if several else str(found[0])
        return [
            f"frames.crops: {root} holds {wanted}: these are in {where}: set frames.crops to "
            f"{'one of them' if several else 'it'}"
        ]
    if root.is_dir() and any((root / method).is_dir() for method in METHODS):
        return [
            f"frames.crops: {root} holds the methods' own folders and {wanted}, which say the split: put them into "
            "one, such as test_set"
        ]
    why = f"holds {wanted}" if root.is_dir() else "is no folder"
    return [f"frames.crops: {root} {why}: set it to the folder in which the crops' {NAMES['test']} lies"]


def lacking(root: Path, split: str, categories: Collection[str]) -> list[str]:
    """What a tree has no image of, by the names of its files, a sentence each.

    Args:
        root: a tree, as of `untreed`.
        split: train, val or test.
        categories: those needed.
    """
    sets = sets_of(root)
    if split not in sets:
        use = "whose fakes are explained" if split == "test" else "from which the detector is to learn"
        remedy = "add it" if split == "test" else "add it, or set detector.checkpoint"
        return [f"frames.crops: {root} has no folder {NAMES[split]}, {use}: {remedy}"]
    folder = sets[split]
    strange = [one.name for one in strange_methods(root) if one.parent == folder]
    beside = f" (there is {', '.join(strange)}, which is no method's name)" if strange else ""
    remedy = "take it out of corpus.categories" if split == "test" else "set detector.checkpoint"
    lacks = []
    for category in categories:
        method, found = folder / FOLDERS.get(category, category), videos(root, split, category)
        if any(map(has_image, found)):
            continue
        if deeper := next(filter(None, map(too_deep, found)), None):
            lacks.append(f"frames.crops: {deeper}")
        elif found:
            lacks.append(
                f"frames.crops: {method} holds no image named {FORM}, in a video's folder: add some, or {remedy}"
            )
        else:
            lacks.append(f"frames.crops: {method} holds no video{beside}: add some, or {remedy}")
    return list(map(shown, lacks))


def unused(root: Path) -> list[str]:
    """Folders that are no method's, a note."""
    strange = strange_methods(root)
    if not strange:
        return []
    listed = shown(", ".join(map(str, strange)))
    return [
        f"frames.crops: {listed}: no method's folder, so its images aren't used; the methods are {', '.join(METHODS)}."
    ]
