"""From frames to videos: a video's probabilities are the means over its frames."""

import pandas as pd


def by_video(images: pd.DataFrame) -> pd.DataFrame:
    """One row a video, in the order of their first frames.

    Args:
        images: a row a frame: key, category, label, predicted and p_<class> (probabilities). A frame's video is its key
            up to the last "/".

    Returns:
        The same columns: key of the video, category and label of its frames, the mean probabilities (float64) and the
        class where they are highest.
    """
    columns = [name for name in images if name.startswith("p_")]
    videos = images.astype(dict.fromkeys(columns, "float64")).assign(key=images["key"].str.rpartition("/")[0])
    means = dict.fromkeys(columns, "mean")
    table = videos.groupby("key", sort=False, as_index=False).agg({"category": "first", "label": "first", **means})
    table["predicted"] = table[columns].to_numpy().argmax(axis=1)
    return table[[name for name in images if name in table]]
