"""Use of a list of the authors' form: exactly these images, of those that were cut out of the videos."""

from pathlib import Path

import numpy as np
import pandas as pd

from advxai.common.errors import InputError
from advxai.config import Config
from advxai.frames.manifest import known, read_csv

LEFT_OUT = ["stage", "item", "reason"]


def as_listed(
    manifest: pd.DataFrame, source: Path, config: Config, *, unlearnt: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The images of a manifest that the user's list names and, where a detector is trained, what it learns from beside
    them.

    Args:
        manifest: as of `manifest.build`.
        source: the list's file, as of `manifest.read_csv`.
        config: the run's.
        unlearnt: no image of the list may be one that the detector learns from (`advxai.run.digests`).

    Returns:
        As `select`.

    Raises:
        InputError: as `manifest.read_csv`, `select` and `require_unlearnt`.
    """
    listed = known(read_csv(source), [*config.corpus.categories, *config.corpus.also])
    chosen, left_out = select(manifest, listed, source)
    if unlearnt:
        require_unlearnt(manifest, listed, source)
    if config.detector.checkpoint is None:
        chosen = pd.concat([chosen, other_splits(manifest, listed)], ignore_index=True)
    return chosen, left_out


def select(manifest: pd.DataFrame, listed: pd.DataFrame, source: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The images of a manifest that a list names, in the list's order and with the list's split.

    An image is known by its video, frame and track: `00023.png` is `00023_0.png`, and `original_sequences/c23` is
    `original_sequences/youtube/c23`. To explain what the authors explained, sample first and select then:
    `select(manifest, sample_evaluation(listed, 10), source)`. Their rule counts the listed frames of a video, so a
    frame that gave no crop must not move the others.

    Args:
        manifest: as of `manifest.build`.
        listed: as of `manifest.read_csv`.
        source: the list's file, for messages.

    Returns:
        (manifest, left_out): rows of the manifest, and the listed images that it lacks (columns LEFT_OUT).

    Raises:
        InputError: the list names an image twice, or of a category that it names no image is in the manifest.
    """
    names = image_names(listed["key"])
    if names.duplicated().any():
        first = listed["key"][names.duplicated()].iloc[0]
        raise InputError(f"{source} names {first} twice: list every image once.")
    rows = pd.Series(manifest.index, index=image_names(manifest["key"])).reindex(names)
    there = rows.notna().to_numpy()
    for category, present in pd.Series(there).groupby(listed["category"].to_numpy()):
        if not present.any():
            raise InputError(
                f"none of the {len(present)} images of {category} in {source} was cut out of a video: compare its "
                "paths with corpus.root and corpus.compression, its frames with faces.stride."
            )
    chosen = manifest.loc[rows[there].to_numpy(dtype=np.int64)].reset_index(drop=True)
    chosen["split"] = listed["split"].to_numpy()[there]
    step = int(np.gcd.reduce(listed["frame"].to_numpy(), initial=0))
    stride = f"faces.stride must divide {step}, or " if step else ""
    absent = [
        {
            "stage": "frames",
            "item": key,
            "reason": f"listed in {source}, but frame {frame} gave no face crop{_of(track)}{stride}the frame's or "
            "video's own reason is in this table",
        }
        for key, frame, track in listed.loc[~there, ["key", "frame", "track"]].itertuples(index=False)
    ]
    return chosen, pd.DataFrame(absent, columns=LEFT_OUT)


def other_splits(manifest: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """What a detector can learn from beside a list of test images: the splits that the list doesn't name, without the
    videos that it names. Arguments as of `select`."""
    named = _without_layout(manifest["video"]).isin(_without_layout(listed["video"]))
    return manifest[~named & ~manifest["split"].isin(listed["split"])]


def require_unlearnt(videos: pd.DataFrame, listed: pd.DataFrame, source: Path) -> None:
    """Refuse a list of test images with videos that a detector which is trained learns from, or is chosen by.

    It is for a list that doesn't say its splits itself: what the detector is trained on then doesn't depend on it.

    Args:
        videos: columns video and split, as the corpus has them.
        listed: as of `manifest.read_csv`.
        source: the list's file, for the message.

    Raises:
        InputError: it names such videos; the message names the first, and its split.
    """
    learnt = videos[videos["split"] != "test"].drop_duplicates("video")
    named = learnt[_without_layout(learnt["video"]).isin(_without_layout(listed["video"]))]
    if len(named):
        video, split = named[["video", "split"]].iloc[0]
        more = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
        raise InputError(
            f"{source}: {video}{more} is in the split {split}, from which the detector learns, and can't be explained "
            "as a test video: take it out of the list, give the list a column of splits, or set detector.checkpoint."
        )


def image_names(keys: pd.Series) -> pd.Series:
    """Keys with the parts that differ between the authors' lists and FF++ on disk brought to one form."""
    plain = _without_layout(keys).str.replace(r"/0*(\d+)(?:_0+)?\.png$", r"/\1.png", regex=True)
    return plain.str.replace(r"/0*(\d+)_0*(\d+)\.png$", r"/\1_\2.png", regex=True)


def _of(track: int) -> str:
    """How the reason goes on, of a face that is another one than its video's first."""
    return f" of track {track}: faces.tracks must be above {track}, or " if track else ": "


def _without_layout(paths: pd.Series) -> pd.Series:
    return paths.str.replace(r"^original_sequences/youtube/", "original_sequences/", regex=True)
