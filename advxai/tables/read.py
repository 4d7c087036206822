"""Rows for the tables out of the stages' files."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from advxai.common import parquet
from advxai.common.classes import Classes
from advxai.run.store.shard import read_shard

EXPLANATION = {
    "key": "str",
    "predicted": "int64",
    "called_real": "bool",
    "seconds": "float64",
    "images": "int64",
    "calls": "int64",
    "backwards": "int64",
    "adversary_seconds": "float64",
    "adversary_images": "int64",
    "adversary_calls": "int64",
}
ROW = {"label": "int64", "k": "int64", "included": "bool", "called_real": "bool"}
MEASURED = {"explainer": "str", "key": "str", "category": "str", "column": "str", "value": "float64", "reason": "str"}
ADVERSARY = {"key": "str", "called_real": "bool", "success": "bool", "iterations": "int64", "queries": "int64"}


def evaluation(paths: Iterable[Path]) -> pd.DataFrame:
    """Evaluation rows of several shards and explainers, one below the other.

    Raises:
        InputError: a file is damaged; the message names it.
    """
    frames = [parquet.read(path) for path in paths]
    # a shard that no image fell into has columns without a type, which would spread
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(filled, ignore_index=True).astype(ROW)


def metrics(paths: Iterable[Path]) -> pd.DataFrame:
    """Rows of the measures of several shards and explainers, one below the other; columns MEASURED."""
    frames = [parquet.read(path) for path in paths]
    filled = [frame for frame in frames if len(frame)] or [pd.DataFrame(columns=list(MEASURED))]
    return pd.concat(filled, ignore_index=True)[list(MEASURED)].astype(MEASURED)


def explanations(explainer: str, paths: Iterable[Path], classes: Classes) -> pd.DataFrame:
    """What one explainer's saliency shards say besides the maps: explainer, predicted class (whichever is explained)
    and costs of each image.

    Args:
        explainer: the row's name.
        paths: its shards of the stage saliency.
        classes: the detector's.
    """
    stored = [name for name in EXPLANATION if name != "predicted"]
    # a record that was made before white boxes were has no `backwards`
    # one shard at a time: the maps of all of them need not fit into memory
    records = [
        {"backwards": 0, **record, "predicted": int(classes.called(record["before"]))}
        for path in paths
        for record in read_shard(path, ["before", *stored])
    ]
    frame = pd.DataFrame(records, columns=list(EXPLANATION)).astype(EXPLANATION)
    frame.insert(0, "explainer", explainer)
    return frame


def adversary(paths: Iterable[Path], classes: Classes) -> pd.DataFrame:
    """Outcome of NES on each image: key, called_real (the clean image already), success, iterations, queries.

    Args:
        paths: shards of the stage adversary.
        classes: the detector's.
    """
    records = [
        {"called_real": bool(classes.called_real(record["before"]))}
        | {name: record[name] for name in ADVERSARY if name != "called_real"}
        for path in paths
        for record in read_shard(path, ["before", *ADVERSARY])
    ]
    return pd.DataFrame(records, columns=list(ADVERSARY)).astype(ADVERSARY)
