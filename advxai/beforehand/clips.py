"""What must be there before clips are explained, without pandas: planning asks it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from advxai.clips.lists import Asked, Asking, read_list
from advxai.common.categories import REAL, category_of
from advxai.common.errors import InputError, in_line
from advxai.config.data import FfppCorpus

if TYPE_CHECKING:
    from advxai.run.paths import Paths


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
    """Refuse a list with files that aren't there; of a demo's videos, which are made first, their list tells."""
    corpus = paths.config.corpus
    root = Path(corpus.root) if isinstance(corpus, FfppCorpus) and corpus.root else None
    for one in asked.clips:
        where = f"{asked.source}, line {one.line}: {in_line(one.video)}"
        if category_of(one.video):
            if root is not None and not any((root / name).is_file() for name in _names(one)):
                raise InputError(f"{where} is no file in corpus.root ({root}): correct the path, or add the video.")
        elif not os.path.isfile(one.video):
            raise InputError(
                f"{where} is no FF++ relative path and no file: correct the path (of a file relative to the folder in "
                "which snakemake runs)."
            )
        elif one.category not in (known := (REAL, *corpus.categories)):
            said = f"the category {in_line(one.category)}" if one.category else "no category"
            raise InputError(
                f"{where} is a file of your own with {said}: write what it is in the column category, one of "
                f"{', '.join(known)}."
            )


def _names(one: Asked) -> tuple[str, str]:
    """An FF++ relative path in both layouts of the originals."""
    start, youtube = "original_sequences/", "original_sequences/youtube/"
    if one.video.startswith(youtube):
        return one.video, start + one.video.removeprefix(youtube)
    return one.video, youtube + one.video.removeprefix(start) if one.video.startswith(start) else one.video
