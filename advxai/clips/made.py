"""What a run has of the clips that its configuration asks for now: its lists may be of former settings."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from advxai.clips.cut import folder_of, in_words
from advxai.clips.listing import listed
from advxai.clips.lists import read_list
from advxai.clips.manifest import build
from advxai.common import parquet
from advxai.common.errors import InputError
from advxai.common.rows import rows as records
from advxai.common.types import Record
from advxai.corpus.blocks import REPORT
from advxai.faces.extract import MASKS
from advxai.run.paths import Paths

Image = tuple[str, str]  # key and hash


@dataclass(frozen=True)
class Made:
    """Clips that are asked for.

    Attributes:
        number: of them, without those that are known to give none.
        images: key and hash of each whose crops are there.
    """

    number: int
    images: frozenset[Image]

    @property
    def whole(self) -> bool:
        """All of them are there."""
        return len(self.images) == self.number


def asked_for(paths: Paths) -> pd.DataFrame | None:
    """The list of clips as the configuration has it now (`advxai.clips.listing.listed`); None: the run's videos aren't
    listed, or not those of the present configuration, or nothing can be listed of them."""
    config = paths.config
    if not all((clip.path / REPORT).is_file() for clip in paths.clips):
        return None
    try:
        videos = parquet.read(paths.run / "corpus/videos.parquet")
        asked = read_list(Path(config.video.list)) if config.video.list else None
        learns = config.detector.checkpoint is None
        return listed(videos, config.video, config.corpus.categories, config.seed, asked, learns=learns)[0]
    except (InputError, KeyError):  # missing, damaged or of another version; a job of it says what is wrong
        return None


def made(paths: Paths) -> Made | None:
    """What there is of the clips that the configuration asks for; None: it isn't known which these are.

    A clip is known by the run's list and the crops of the present settings, so that neither a list of other settings
    nor crops of other frames count.
    """
    wanted = asked_for(paths)
    if wanted is None:
        return None
    asked = {_line(row): in_words(row) for row in records(wanted)}
    try:
        before = set(map(_line, records(parquet.read(paths.clips_run / "list.parquet"))))
        tables = [path for path in paths.clips_cut if path.is_file()]
        left_out = [path.with_suffix(".left_out.parquet") for path in tables]
        without = {str(item) for path in left_out if path.is_file() for item in parquet.read(path)["item"]}
        clips, frames = build(map(parquet.read, tables))
    except (InputError, KeyError):  # missing, or nothing gave a clip
        return Made(len(wanted), frozenset())
    places = {(video, folder_of(start)) for _, video, start in before.intersection(asked)}
    folders = {row["clip"]: Path(row["file"]).parent.name for row in records(frames)}
    there = clips[[(row["video"], folders[row["key"]]) in places for row in records(clips)]]
    cut = {(row["video"], folders[row["key"]]) for row in records(there)}
    missing = [line for line in before.intersection(asked) if (line[1], folder_of(line[2])) not in cut]
    twice = {item.rpartition("/")[0] for item in without if "/clip_" in item and not item.endswith(MASKS)}  # its frames
    none = [line for line in missing if asked[line] in without or line[1] in twice]
    return Made(len(wanted) - len(none), frozenset(zip(there["key"], there["sha256"], strict=True)))


def _line(row: Record) -> tuple[str, str, int]:
    """A line of a list of clips: file, video, first frame."""
    return str(row["path"]), str(row["video"]), int(row["start"])
