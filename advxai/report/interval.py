"""How sure a share of images is, when several of them are of one video.

Frames of a video resemble each other, so they say less than as many videos would. The Wilson score interval (Wilson
1927) is taken with the effective number of images n / deff; the design effect deff (Kish 1965) is estimated from the
videos as clusters:

    deff = sum over videos of (images right - share * images)^2 / (n * share * (1 - share)),

which is 1 when each video has one image. An estimate below 1 counts as 1. Where it can't be estimated (share 0 or 1,
or one video alone) each video counts as one image. With a handful of videos the estimate is itself uncertain.
"""

from collections.abc import Sequence
from statistics import NormalDist

import pandas as pd

from advxai.statistics import wilson

LEVEL = 0.95


def shares(images: pd.DataFrame, by: Sequence[str], level: float = LEVEL) -> pd.DataFrame:
    """Share of right images in each group, with its interval.

    Args:
        images: the columns `by`, `video`, and `right` (bool); one row an image.
        by: what makes a group.
        level: of confidence.

    Returns:
        `by`, n, videos, effective (number of images), value, low, high; one row a group.
    """
    by = list(by)
    videos = images.groupby([*by, "video"], sort=False, observed=True)["right"].agg(right="sum", n="size").reset_index()
    groups = videos.groupby(by, sort=False)
    table = groups[["right", "n"]].sum()
    table["videos"] = groups.size()
    share = table["right"] / table["n"]
    mean = videos[by].merge(share.rename("share").reset_index(), on=by)["share"]
    videos["squared"] = (videos["right"] - mean * videos["n"]) ** 2
    variance = table["n"] * share * (1 - share)
    known = (variance > 0) & (table["videos"] > 1)
    spread = videos.groupby(by, sort=False)["squared"].sum()
    deff = (spread / variance.where(known)).clip(lower=1)
    table["effective"] = (table["n"] / deff).where(known, table["videos"])
    table["value"] = share
    table["low"], table["high"] = wilson(share, table["effective"], NormalDist().inv_cdf((1 + level) / 2))
    return table.drop(columns="right").reset_index()
