"""Each shard's list of the images to explain."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from advxai.common.rows import rows
from advxai.run.jobs import write_items
from advxai.run.shards import shard_of

ITEM = ["key", "sha256", "category", "label"]


def write_lists(images: pd.DataFrame, paths: Sequence[str | Path]) -> None:
    """Deal images out to shards and publish a list for each.

    Args:
        images: columns key, sha256, category, label and video, which decides the shard; and weights, if a detector has
            chosen them.
        paths: of the lists, in the order of the shards' numbers.
    """
    columns = [*ITEM, *(name for name in ("weights",) if name in images)]
    numbers = images["video"].map(lambda video: shard_of(video, len(paths)))
    for number, path in enumerate(paths):
        write_items(path, rows(images.loc[numbers == number, columns]))
