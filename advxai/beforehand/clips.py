"""What must be there before clips are explained, without pandas: planning asks it."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from advxai.clips.lists import Asked, Asking, read_list, require_known
from advxai.common.categories import REAL, category_of
from advxai.common.errors import InputError, in_line
from advxai.config.data import SPLITS, DemoCorpus, FfppCorpus
from advxai.corpus.ffpp import find, places, read_splits

if TYPE_CHECKING:
    from advxai.run.paths import Paths

Known = tuple[
    set[str] | None, set[str]
]  # videos of a category, None: not known; and those that the detector learns from


def require_clips(paths: "Paths") -> list[str]:
    """Refuse to explain clips without videos, or by a list that can't be read or names what isn't there.

    Args:
        paths: of the run, of which `clips` or `video` is asked for.

    Returns:
        What the user should know, a sentence each.

    Raises:
        InputError: names the key and what to do, or the line of the list.
    """
    config = paths.config
    if config.frames.ready:
        key = "frames.lmdb" if config.frames.lmdb is not None else "frames.crops"
        raise InputError(
            f"config: {key}: its images are single frames, and clips are cut out of videos: set corpus.root and "
            f"corpus.splits, and take {key} out"
        )
    if config.without_corpus:
        raise InputError("config: corpus.root: is not set, so there are no videos for clips: set it, and corpus.splits")
    settings = config.video
    if settings.list is None:
        if settings.fakes == 0 and settings.reals == 0:
            raise InputError("config: video.fakes, video.reals: are both 0, so there is no clip: set one above 0")
        return []
    if not os.path.isfile(settings.list):
        raise InputError(f"config: video.list: {settings.list} is no file: correct the path, or take the key out")
    asked = read_list(Path(settings.list))
    _require_there(asked, paths)
    ignored = [key for key in ("fakes", "reals") if getattr(settings, key) is not None]
    return [f"video.{' and video.'.join(ignored)} count for nothing beside video.list."] if ignored else []


def _require_there(asked: Asking, paths: "Paths") -> None:
    """Refuse a list with videos that aren't there, or that the run hasn't in its corpus."""
    corpus = paths.config.corpus
    for one in asked.clips:
        line = f"{asked.source}, line {one.line}"
        where = f"{line}: {in_line(one.video)}"
        if category_of(one.video):
            _require_in_corpus(where, one, paths)
        elif not os.path.isfile(one.video):
            raise InputError(
                f"{where} is no FF++ relative path and no file: correct the path (of a file relative to the folder in "
                "which snakemake runs)."
            )
        else:
            require_known(line, one, corpus.categories)


def _require_in_corpus(where: str, one: Asked, paths: "Paths") -> None:
    """Refuse a video that isn't the corpus's, as far as its path, FF++'s root and the demo's clips tell, or from whose
    split the detector learns."""
    corpus = paths.config.corpus
    of, known = category_of(one.video), (REAL, *corpus.categories, *corpus.also)
    if of not in known:
        raise InputError(
            f"{where} is of {of}, which the corpus hasn't ({', '.join(known)}): take it out of the list, or set "
            f"corpus.categories or corpus.also to have {of}."
        )
    if one.category and one.category != of:
        raise InputError(f"{where} is {of}, not {in_line(one.category)}: correct the category, or leave it out.")
    ours, learnt = (
        _of_ffpp(corpus.root, corpus.splits, corpus.compression, of)
        if isinstance(corpus, FfppCorpus)
        else _of_demo(corpus, of)
    )
    if isinstance(corpus, FfppCorpus) and not any((Path(str(corpus.root)) / name).is_file() for name in _names(one)):
        raise InputError(f"{where} is no file in corpus.root ({corpus.root}): correct the path, or add the video.")
    if ours is not None and ours.isdisjoint(_names(one)):
        raise InputError(f"{where} is none of the corpus's {len(ours)} {of} videos{_such_as(ours)}: correct the path.")
    if paths.config.detector.checkpoint is None and not learnt.isdisjoint(_names(one)):
        raise InputError(
            f"{where} is of a split from which the detector learns, and can't be explained as a test video: take it "
            "out of the list, or set detector.checkpoint."
        )


def _such_as(videos: set[str]) -> str:
    return f", such as {min(videos)}" if videos else ""


@cache
def _of_ffpp(root: str | None, splits: str | None, compression: str, category: str) -> Known:
    """FF++'s, as its folders and split files tell; None where these can't be read, which others tell."""
    try:
        names = read_splits(Path(str(splits)))
    except InputError:
        return None, set()
    found = find(Path(str(root)), compression, category, names)
    there = {
        split: {f"{found.folder}/{name}.mp4" for name in found.there.intersection(own)}
        for split, own in found.names.items()
    }
    return set().union(*there.values()), set().union(*(own for split, own in there.items() if split != "test"))


def _of_demo(corpus: DemoCorpus, category: str) -> Known:
    """The demo's, by the numbers that its clips give them: pairs of one split, one after the other."""
    videos: dict[bool, set[str]] = {False: set(), True: set()}
    for clip in corpus.clips:
        first = clip.first_id
        for split in SPLITS:
            number = getattr(clip.splits, split)
            for one in range(first, first + number, 2):
                pair = f"{one:03d}", f"{one + 1:03d}"
                both = pair if category == REAL else ("_".join(pair), "_".join(pair[::-1]))
                folder = places(category, corpus.compression)[0]
                videos[split != "test"] |= {f"{folder}/{name}.mp4" for name in both}
            first += number
    return videos[False] | videos[True], videos[True]


def _names(one: Asked) -> tuple[str, str]:
    """An FF++ relative path in both layouts of the originals."""
    start, youtube = "original_sequences/", "original_sequences/youtube/"
    if one.video.startswith(youtube):
        return one.video, start + one.video.removeprefix(youtube)
    return one.video, youtube + one.video.removeprefix(start) if one.video.startswith(start) else one.video
