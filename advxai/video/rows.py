"""Tidy rows of clips: attacks, one for each clip, explainer and k; measures, one for each clip and column."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from advxai.common.categories import LABELS, genuine
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
RANKED = ("key", "segments", "scores", "ranking", "missing", "called_real")  # all that attacks need of an explanation


def not_attacked(item: Item, record: Record) -> str:
    """Why no table has attacks on the clip, whoever explains it; "" if it is a fake that is called fake."""
    if genuine(item["category"]):
        return "the clip is real"
    if item["category"] not in LABELS:
        return "it isn't known whether the clip is fake"
    return "the detector calls the clip real" if record["called_real"] else ""


def attack_items(items: Sequence[Item], saliency: Mapping[str, Record], top: int) -> list[dict[str, Any]]:
    """The attacks that an explainer's rows need: for each fake clip that is called fake and has `top` segments, one for
    each k in 1..top.

    Args:
        items: clips with `key`, `sha256`, `category` and `frames`.
        saliency: key -> record of the clip's explanation, RANKED of it at least.
        top: largest k.

    Returns:
        Items with `key`, `sha256`, `frames`, `mask` (id of the pixels) and `pixels` (T, h, w) bool. Rows with equal
        sets of segments share an attack by its `mask`.
    """
    frames = {item["key"]: item["frames"] for item in items}
    wanted = [item for item in items if not not_attacked(item, saliency[item["key"]])]
    found = masks.attack_items(wanted, saliency, top, POPULATION)
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
    are clips. Clips that aren't attacked are left out with the reason."""
    taken = {item["key"]: _but_not_attacked(item, saliency[item["key"]]) for item in items}
    return evaluation_rows(explainer, items, taken, attacks, top=top, classes=classes, population=POPULATION)


def _but_not_attacked(item: Item, record: Record) -> Record:
    """The explanation, as if there were none where the clip isn't attacked."""
    why = not_attacked(item, record)
    return {**record, "missing": why, "ranking": record["ranking"][:0]} if why else record


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
