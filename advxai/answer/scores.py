"""From the rows of the stages to scores: one number an explanation and column, and the cluster that its image is of."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

import pandas as pd

from advxai.common.classes import Classes
from advxai.common.rows import videos_of
from advxai.config import Config
from advxai.config.data import DemoCorpus
from advxai.statistics import clusters
from advxai.statistics.identity import identities

SCORES = {
    "explainer": "str",
    "key": "str",
    "category": "str",
    "cluster": "str",
    "column": "str",
    "value": "float64",
}


def attack_scores(rows: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    """What the segment attacks say: accuracy_k and sufficiency_k of the included images, flip_k of those called fake.

    Args:
        rows: evaluation rows.
        classes: the detector's.

    Returns:
        explainer, key, category, column, value.
    """
    used = rows[rows["included"]]
    fake = used[~used["called_real"].astype(bool)]
    parts = [
        (used, "accuracy", classes.right(used["predicted_after"], used["label"])),
        (used, "sufficiency", used["p_before"] - used["p_after"]),
        (fake, "flip", fake["flipped"]),
    ]
    found = [
        part[["explainer", "key", "category"]].assign(
            column=name + "_" + part["k"].astype(str), value=values.astype("float64")
        )
        for part, name, values in parts
    ]
    return pd.concat(found, ignore_index=True)


def scores(attacks: pd.DataFrame, measured: pd.DataFrame, cluster_of: Mapping[str, str]) -> pd.DataFrame:
    """All scores of a run.

    Args:
        attacks: of `attack_scores`.
        measured: rows of the stage metrics.
        cluster_of: video -> its cluster.

    Returns:
        Columns SCORES.
    """
    both = pd.concat([attacks, measured.reindex(columns=list(attacks.columns))], ignore_index=True)
    return both.assign(cluster=videos_of(both["key"]).map(cluster_of))[list(SCORES)].astype(SCORES)


def clusters_of(config: Config, videos: Iterable[str]) -> tuple[dict[str, str], str]:
    """The cluster of each video, and what a cluster is, in the plural.

    Of the demo a cluster is a clip, of one person; of FF++ those whose faces were swapped with each other's, directly
    or by way of others: a pair in its official splits.

    Args:
        config: the run's.
        videos: FF++ relative paths.
    """
    known = sorted(set(videos))
    if isinstance(config.corpus, DemoCorpus):
        clips = {
            number: clip.name
            for clip in config.corpus.clips
            for number in range(clip.first_id, clip.first_id + sum(clip.splits.model_dump().values()))
        }
        return {video: clips[int(PurePosixPath(video).stem.split("_")[0])] for video in known}, "people"
    found = clusters(known)
    if not all(map(identities, known)):
        return found, "videos"
    people: dict[str, set[str]] = {}
    for video, cluster in found.items():
        people.setdefault(cluster, set()).update(identities(video))
    largest = max(map(len, people.values()), default=1)
    return found, "people" if largest == 1 else "pairs of people" if largest == 2 else "groups of people"
