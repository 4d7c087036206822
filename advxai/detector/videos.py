"""What a detector is measured on: which images count, and the answers for tracks and videos, made of their frames'."""

from collections.abc import Callable, Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.common.classes import NONE, Classes
from advxai.common.rows import columns, frames_of, tracks_of, videos_of
from advxai.config.science import VideoScore

FIRST = 0.55  # the p(fake) above which a track settles the video's answer (`first_track`)
TINY = float(np.finfo(np.float32).tiny)  # the least probability that has a logarithm here


def counted(images: pd.DataFrame, apart: Collection[str] = ()) -> "pd.Series[bool]":
    """Whether images count for the metrics: the detector has a class for their category, and it isn't set apart.

    Args:
        images: columns category and label, as of `advxai.detector.metrics.predictions`.
        apart: categories that don't count whatever they are.
    """
    return (images["label"] != NONE) & ~images["category"].isin(list(apart))


def by_video(images: pd.DataFrame, classes: Classes, score: VideoScore = "mean") -> pd.DataFrame:
    """One row a video, in the order of their first frames.

    Args:
        images: a row an image: key, category, label, predicted and p_<class> (probabilities). An image's video is its
            key up to the last "/", its track what the key's name ends with (`advxai.common.rows.track_of`).
        classes: the detector's.
        score: what a video's probabilities are made of its images' by.
            mean: their mean.
            mean_logit: softmax of the mean of the logits, which of a sigmoid's two classes is its sigmoid of the mean
                log-odds. Of stored probabilities, the logits are their logarithms but for a number an image, which
                cancels out; a probability below `TINY` counts as that.
            first_track: the mean of the first track whose mean p(fake) is above `FIRST`; where none is, the mean of the
                tracks' means.
            max_face: of each frame the image with the highest p(fake) (of equal ones the first), then their mean.

    Returns:
        The same columns: key of the video, category and label of its images, the probabilities (float64) and what
        the video is called by them.
    """
    return _grouped(images, videos_of(images["key"]), classes, _rule(score, classes))


def by_track(images: pd.DataFrame, classes: Classes, score: VideoScore = "mean") -> pd.DataFrame:
    """One row a track, as of `by_video`: its key is the video's, `/` and the number of the track.

    A track's probabilities are the mean of its images'; with `mean_logit` by the mean of their logits.
    """
    tracks = videos_of(images["key"]) + "/" + tracks_of(images["key"]).astype("str")
    return _grouped(images, tracks, classes, _logit if score == "mean_logit" else _mean)


Rule = Callable[[Floats, "pd.Series[str]"], Floats]  # probabilities (n, classes) of a group's images and their keys


def _grouped(images: pd.DataFrame, groups: "pd.Series[str]", classes: Classes, rule: Rule) -> pd.DataFrame:
    shares = [name for name in columns(images) if name.startswith("p_")]
    found = images.astype(dict.fromkeys(shares, "float64")).assign(key=groups)
    table = found.groupby("key", sort=False, as_index=False).agg({"category": "first", "label": "first"})
    if rule is _mean:  # of 100,000 images at once
        table[shares] = found.groupby("key", sort=False)[shares].mean().to_numpy()
    else:
        values, places = found[shares].to_numpy(), found.groupby("key", sort=False).indices
        answers = [rule(values[places[key]], images["key"].iloc[places[key]]) for key in table["key"]]
        table[shares] = np.array(answers).reshape(len(table), len(shares))
    table["predicted"] = classes.called(table[shares].to_numpy())
    return table[[name for name in images if name in table]]


def _rule(score: VideoScore, classes: Classes) -> Rule:
    def first_track(values: Floats, keys: "pd.Series[str]") -> Floats:
        means = np.array([_mean(values[rows], keys) for rows in _parts(tracks_of(keys))])
        settled = classes.p_fake(means) > FIRST
        answer: Floats = means[settled.argmax()] if settled.any() else means.mean(axis=0)
        return answer

    def max_face(values: Floats, keys: "pd.Series[str]") -> Floats:
        likeliest = [rows[classes.p_fake(values[rows]).argmax()] for rows in _parts(frames_of(keys))]
        return _mean(values[likeliest], keys)

    rules: dict[VideoScore, Rule] = {
        "mean": _mean,
        "mean_logit": _logit,
        "first_track": first_track,
        "max_face": max_face,
    }
    return rules[score]


def _mean(values: Floats, _: "pd.Series[str]") -> Floats:
    mean: Floats = values.mean(axis=0)
    return mean


def _logit(values: Floats, _: "pd.Series[str]") -> Floats:
    logits = np.log(np.maximum(values, TINY)).mean(axis=0)
    powers = np.exp(logits - logits.max())
    answer: Floats = powers / powers.sum()
    return answer


def _parts(of: "pd.Series[int] | pd.Series[str]") -> list[NDArray[np.intp]]:
    """Positions of the rows of each track, or of each frame, in rising order of these."""
    values = of.to_numpy()
    return [np.flatnonzero(values == one) for one in sorted(set(values.tolist()))]
