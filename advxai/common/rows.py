"""Columns and rows of a data frame, whose columns' names are strings: pandas can't promise that."""

import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pandas as pd

NUMBERED = re.compile(r".*/(?P<frame>\d+)(?:_(?P<track>\d\d?))?\.png")  # an image's key; of 20 tracks at most


def columns(frame: "pd.DataFrame") -> list[str]:
    """Names of the columns, in order."""
    return cast("list[str]", list(frame.columns))


def rows(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Every row, in order: column -> value."""
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def row(series: "pd.Series[Any]") -> dict[str, Any]:
    """One row: column -> value."""
    return cast("dict[str, Any]", series.to_dict())


def row_at(frame: "pd.DataFrame", label: str) -> dict[str, Any]:
    """The one row that has this label in the index: column -> value."""
    return row(cast("pd.Series[Any]", frame.loc[label]))


def videos_of(keys: "pd.Series[str]") -> "pd.Series[str]":
    """The video of each image's key; of no keys none, where `.str.rpartition` fails."""
    return keys.map(lambda key: key.rpartition("/")[0])


def track_of(key: str) -> int:
    """The track that an image's key ends with, `<video>/<frame>_<track>.png`; 0 of a key without one."""
    found = NUMBERED.fullmatch(key)
    return int(found["track"] or 0) if found else 0


def tracks_of(keys: "pd.Series[str]") -> "pd.Series[int]":
    """`track_of` each key."""
    return keys.map(track_of).astype("int64")


def frames_of(keys: "pd.Series[str]") -> "pd.Series[str]":
    """Each key without its track: images of one frame of a video have the same."""
    return keys.map(lambda key: key if (found := NUMBERED.fullmatch(key)) is None else key[: found.end("frame")])
