"""Tidy rows of clips: attacks, one for each clip, explainer and k; measures, one for each clip and column."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from advxai.common.classes import Classes
from advxai.common.types import Item, Record
from advxai.config.video import Video
from advxai.evaluation import masks
from advxai.evaluation.rows import evaluation_rows
from advxai.metrics.rows import metrics_rows as rows_of_measures
from advxai.video.measures import ClipMeasures

# A clip has few segments, in time and space, and few clips are explained: those that an explainer gives no positive
# score follow by it, so that every clip stays in every explainer's rows.
POPULATION = "all"


def attack_items(items: Sequence[Item], saliency: Mapping[str, Record], top: int) -> list[dict[str, Any]]:
    """The attacks that an explainer's rows need: for each clip with `top` segments, one for each k in 1..top.

    Args:
        items: clips with `key`, `sha256` and `frames`.
        saliency: key -> record of the clip's explanation.
        top: largest k.

    Returns:
        Items with `key`, `sha256`, `frames`, `mask` (id of the pixels) and `pixels` (T, h, w) bool. Rows with equal
        sets of segments share an attack by its `mask`.
    """
    frames = {item["key"]: item["frames"] for item in items}
    found = masks.attack_items(items, saliency, top, POPULATION)
    return [{**attack, "frames": frames[attack["key"]]} for attack in found]


def attack_rows(
    explainer: str,
    items: Sequence[Item],
    saliency: Mapping[str, Record],
    attacks: Sequence[Record],
    *,
    top: int,
    classes: Classes,
) -> pd.DataFrame:
    """One row for each clip and k; arguments and columns as of `advxai.evaluation.rows.evaluation_rows`, whose images
    are clips."""
    return evaluation_rows(explainer, items, saliency, attacks, top=top, classes=classes, population=POPULATION)


def metrics_rows(explainer: str, items: Sequence[Item], records: Iterable[Record], settings: Video) -> pd.DataFrame:
    """One row for each clip and column.

    Args:
        explainer: the row's name.
        items: clips with `key`, `sha256`, `category`.
        records: of `advxai.video.measured.run`.
        settings: those that they were made with.

    Returns:
        Columns as of `advxai.metrics.rows.ROWS`.
    """
    found = {record["key"]: record for record in records}
    return rows_of_measures(explainer, items, [(ClipMeasures(settings), found)])
