"""Which images the figures show, and what is known of them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from advxai.common.classes import FIVE, Classes
from advxai.common.rows import row_at
from advxai.common.types import Record
from advxai.run.paths import Paths
from advxai.run.store import read_some
from advxai.tables.compute import paper_order


def pick(rows: pd.DataFrame, categories: Sequence[str], classes: Classes = FIVE) -> dict[str, str]:
    """One image a category, the same for the same rows, and never chosen by how well an explainer did on it.

    Preferred, in this order: an image that every explainer's rows include, one that the detector calls fake, one whose
    class it gets right; then the first in the order of the rows.

    Args:
        rows: evaluation rows of the explainers that the figure shows.
        categories: the columns wanted.
        classes: the detector's.

    Returns:
        category -> key, in the paper's order; a category without any image is absent.
    """
    images = rows.groupby("key", sort=False).agg(
        category=("category", "first"),
        included=("included", "all"),
        called_real=("called_real", "first"),
        label=("label", "first"),
        predicted=("predicted_before", "first"),  # the first that isn't missing
    )
    images["right"] = classes.right(images["predicted"], images["label"]).fillna(False).astype(bool)
    best = images.sort_values(["included", "called_real", "right"], ascending=[False, True, False], kind="stable")
    first = best.reset_index().groupby("category", sort=False)["key"].first()
    return {category: first[category] for category in paper_order(categories) if category in first.index}


def picked(shards: Sequence[Path], paths: Paths, keys: Collection[str]) -> dict[str, Record]:
    """key -> record of a few images of a run.

    Args:
        shards: the run's files of one stage, in the order of the shards; only those that the images are in are opened.
        paths: of the run.
        keys: the images'.
    """
    wanted = {paths.shard_of_key(key) for key in keys}
    files = [file for name, file in zip(paths.shards, shards, strict=bool(shards)) if name in wanted]
    return {record["key"]: record for file in files for record in read_some(file, keys)}


def last_rows(rows: pd.DataFrame, key: str, explainers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """explainer -> the evaluation row of an image's largest k."""
    mine = rows[rows["key"] == key].sort_values("k").groupby("explainer").last()
    return {name: row_at(mine, name) | {"k": int(rows["k"].max())} for name in explainers}
