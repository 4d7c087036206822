"""From frames to videos: a video's probabilities are the means over its frames."""

import pandas as pd

from advxai.common.classes import Classes
from advxai.common.rows import columns


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
    videos = images.astype(dict.fromkeys(shares, "float64")).assign(key=images["key"].str.rpartition("/")[0])
    means = dict.fromkeys(shares, "mean")
    table = videos.groupby("key", sort=False, as_index=False).agg({"category": "first", "label": "first", **means})
    table["predicted"] = classes.called(table[shares].to_numpy())
    return table[[name for name in images if name in table]]
