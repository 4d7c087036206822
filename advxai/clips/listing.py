"""Which clips are explained: of each test video one, spread over categories and people, or those of the user's list."""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from advxai.clips.lists import BY_RULE, Asked, Asking, own_key, require_known
from advxai.common.categories import LABELS, REAL
from advxai.common.classes import NONE
from advxai.common.errors import InputError, in_line
from advxai.common.randomness import seed_of
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.config.video import Video
from advxai.statistics.identity import clusters

log = logging.getLogger(__name__)
STAGE = "clips"
COLUMNS = {
    "video": "str", "path": "str", "category": "str", "label": "int64", "split": "str", "mask": "str", "start": "int64",
}  # fmt: skip
LEFT_OUT = {"stage": "str", "item": "str", "reason": "str"}


def listed(
    videos: pd.DataFrame,
    settings: Video,
    categories: Sequence[str],
    seed: int,
    asked: Asking | None = None,
    *,
    learns: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The clips to explain.

    Without a list it is one clip of each test video of Real and `categories`; or so many of fakes and of originals as
    `settings.fakes` and `settings.reals` say, by `spread`.

    Args:
        videos: of the corpus: columns video, path, category, label, split and mask.
        settings: which clips.
        categories: manipulations that the run explains.
        seed: the run's.
        asked: the user's list; None: there is none.
        learns: the detector is to be trained, on the videos of the other splits.

    Returns:
        (clips, left_out): columns COLUMNS, `start` the first frame or BY_RULE, in the order of the videos or of the
        list; and a row for each number of clips that the corpus hasn't (columns LEFT_OUT).

    Raises:
        InputError: there is no clip; or, naming file and line, the list has a video that is neither the corpus's nor a
            file, a category that contradicts the video's or is unknown, a clip twice, or a video that the detector
            learns from. (A file without a category is of unknown truth: label NONE.)
    """
    if asked is not None:
        return _table(_of_list(videos, categories, asked, learns), COLUMNS), _table([], LEFT_OUT)
    known = [REAL, *categories]
    test = videos[(videos["split"] == "test") & videos["category"].isin(known)]
    people = clusters(test["video"].astype(str))
    taken: set[str] = set()
    left_out = []
    for key, among, number in (("fakes", categories, settings.fakes), ("reals", [REAL], settings.reals)):
        candidates = {name: test.loc[test["category"] == name, "video"].astype(str).tolist() for name in among}
        there = sum(map(len, candidates.values()))
        taken |= set(spread(candidates, people, there if number is None else number, seed))
        if number is not None and number > there:
            reason = f"{number} are asked for, the corpus has {there} such test videos"
            left_out.append({"stage": STAGE, "item": f"video.{key}", "reason": reason})
            log.warning("video.%s: %s", key, reason)
    chosen = test[test["video"].isin(taken)]
    if chosen.empty:
        raise InputError("config: video.fakes, video.reals: they leave no clip of a test video: set one above 0.")
    return _table((row | {"start": BY_RULE} for row in records(chosen)), COLUMNS), _table(left_out, LEFT_OUT)


def spread(candidates: Mapping[str, Iterable[str]], people: Mapping[str, str], number: int, seed: int) -> list[str]:
    """So many videos, in the order in which they are taken: those of a number are the first of any larger one.

    Categories take turns; each gives a video of the people that were taken least so far, of several the one that the
    seed says.

    Args:
        candidates: category -> its videos.
        people: video -> name of its cluster of people (`advxai.statistics.identity.clusters`).
        number: how many at most.
        seed: the run's.
    """
    left = {
        name: sorted(videos, key=lambda video: (seed_of(seed, "clips", video), video))
        for name, videos in candidates.items()
    }
    seen: Counter[str] = Counter()
    taken: list[str] = []
    while any(left.values()):
        for videos in filter(None, left.values()):
            if len(taken) == number:
                return taken
            video = min(videos, key=lambda one: seen[people[one]])  # the first of several, by the seed
            videos.remove(video)
            seen[people[video]] += 1
            taken.append(video)
    return taken


def without_layout(video: str) -> str:
    """An FF++ relative path in the layout of the authors' lists: original_sequences/c23 for .../youtube/c23."""
    start = "original_sequences/"
    return start + video.removeprefix(f"{start}youtube/") if video.startswith(f"{start}youtube/") else video


def _of_list(videos: pd.DataFrame, categories: Sequence[str], asked: Asking, learns: bool) -> list[dict[str, Any]]:
    corpus = {without_layout(str(row["video"])): row for row in records(videos)}
    found = []
    seen: dict[tuple[str, int], int] = {}
    for one in asked.clips:
        where = f"{asked.source}, line {one.line}"
        row = corpus.get(without_layout(one.video))
        clip = _own(where, one, categories) if row is None else _of_corpus(where, one, row, learns)
        name = os.path.realpath(clip["path"]), one.start
        if seen.setdefault(name, one.line) != one.line:  # by another name of the same file
            raise InputError(
                f"{where}: {in_line(one.video)} is the video of line {seen[name]} too, from the same frame on: list "
                "every clip once."
            )
        found.append(clip)
    return found


def _of_corpus(where: str, one: Asked, row: Record, learns: bool) -> dict[str, Any]:
    if one.category and one.category != row["category"]:
        raise InputError(
            f"{where}: {in_line(one.video)} is {row['category']}, not {in_line(one.category)}: correct the category, "
            "or leave it out."
        )
    if learns and row["split"] != "test":
        raise InputError(
            f"{where}: {in_line(one.video)} is in the split {row['split']}, from which the detector learns, and can't "
            "be explained as a test video: take it out of the list, or set detector.checkpoint."
        )
    return {name: row[name] for name in COLUMNS if name != "start"} | {"start": one.start}


def _own(where: str, one: Asked, categories: Sequence[str]) -> dict[str, Any]:
    """A file that the corpus doesn't have: without mask or counterpart; without a category, of unknown truth."""
    if not os.path.isfile(one.video):
        raise InputError(
            f"{where}: {in_line(one.video)} is no video of the corpus and no file: correct the path (of FF++ relative "
            "to corpus.root, of a file relative to the folder in which snakemake runs)."
        )
    require_known(where, one, categories)
    return {
        "video": own_key(one.video), "path": one.video, "category": one.category,
        "label": LABELS.get(one.category, NONE), "split": "test", "mask": "", "start": one.start,
    }  # fmt: skip


def _table(rows: Iterable[Record], columns: dict[str, str]) -> pd.DataFrame:
    """A frame with the given columns and types, also when there is no row."""
    return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)
