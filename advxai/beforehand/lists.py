"""What the user's list of images says of its images, without pandas: planning reads it."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from advxai.common.categories import category_of
from advxai.common.header import columns_of
from advxai.common.text import decoded


def untested(source: Path, categories: Collection[str], learns: bool) -> list[str]:
    """What a list of images lacks to be explained, a sentence each.

    Args:
        source: the list, as of `advxai.frames.manifest.read_csv`, which says what is wrong with its lines.
        categories: manipulations that are explained, and so must be among the test images.
        learns: the run's detector is to be trained.

    Raises:
        InputError: it is no text in UTF-8, or has other columns.
    """
    named = set(_named(source))
    further = " (and, if it is a class, out of detector.classes)" if learns else ""
    return [
        f"frames.manifest: {source} names no test image of {category}: give a list that does, or take {category} out "
        f"of corpus.categories{further}"
        for category in categories
        if ("test", category) not in named
    ]


def learnt_of(source: Path, learnt: Collection[str]) -> tuple[bool, list[str]]:
    """Whether a list of images names any of the split train (else the corpus has these), and what it lacks then, a
    sentence each.

    Args:
        source: as of `untested`.
        learnt: categories that a detector which is to be trained learns from.
    """
    named = named_in(source, "train")
    lacks = [
        f"frames.manifest: {source} names no image of {category} in the split train, from which the detector is to "
        "learn it: add some, or set detector.checkpoint"
        for category in learnt
        if category not in named
    ]
    return bool(named), lacks


def named_in(source: Path, split: str) -> set[str]:
    """Categories of which a list of images names any in a split."""
    return {category for own, category in _named(source) if own == split}


def _named(source: Path) -> Iterator[tuple[str, str]]:
    """(split, category) of each image."""
    columns = columns_of(source)
    with open(source, "rb") as file:
        rows = csv.reader((decoded(line, source) for line in file), delimiter=" ")
        next((row for row in rows if any(row)), [])
        path, split = columns.index("relative_path"), columns.index("split") if "split" in columns else None
        for row in rows:
            if len(row) == len(columns):
                yield "test" if split is None else row[split], category_of(row[path])
