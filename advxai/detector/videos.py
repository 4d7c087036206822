"""What a detector is measured on: which images count, and videos, whose probabilities are the means over frames."""

from collections.abc import Collection

import pandas as pd

from advxai.common.classes import NONE, Classes
from advxai.common.rows import columns, videos_of


def counted(images: pd.DataFrame, apart: Collection[str] = ()) -> "pd.Series[bool]":
    """Whether images count for the metrics: the detector has a class for their category, and it isn't set apart.

    Args:
        images: columns category and label, as of `advxai.detector.metrics.predictions`.
        apart: categories that don't count whatever they are.
    """
    return (images["label"] != NONE) & ~images["category"].isin(list(apart))


def by_video(images: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    """One row a video, in the order of their first frames.

    Args:
        images: a row a frame: key, category, label, predicted and p_<class> (probabilities). A frame's video is its key
            up to the last "/".
        classes: the detector's.

    Returns:
        The same columns: key of the video, category and label of its frames, the mean probabilities (float64) and what
        the video is called by them.
    """
    shares = [name for name in columns(images) if name.startswith("p_")]
    videos = images.astype(dict.fromkeys(shares, "float64")).assign(key=videos_of(images["key"]))
    means = dict.fromkeys(shares, "mean")
    table = videos.groupby("key", sort=False, as_index=False).agg({"category": "first", "label": "first", **means})
    table["predicted"] = classes.called(table[shares].to_numpy())
    return table[[name for name in images if name in table]]
