"""Tidy rows of the evaluation: one for each image, explainer and k."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from advxai.common.classes import Classes
from advxai.common.types import Item, Record
from advxai.evaluation.masks import mask_id
from advxai.saliency.ranking import missing_of, ranking_of, top_mask

IDENTITY = ("explainer", "key", "sha256", "category", "label", "k", "included", "reason", "called_real")
NUMBERS = (
    "predicted_before",
    "predicted_after",
    "p_before",
    "p_after",
    "p_real_before",
    "p_real_after",
    "flipped",
    "iterations",
    "queries",
    "reused",
)


def _measured(record: Record, classes: Classes, explainer: str) -> dict[str, Any]:
    before, after = record["before"], record["after"]
    predicted, now = (int(classes.called(answer)) for answer in (before, after))
    return {
        "predicted_before": predicted,
        "predicted_after": now,
        "p_before": float(before[predicted]),
        "p_after": float(after[predicted]),
        "p_real_before": float(before[classes.real]),
        "p_real_after": float(after[classes.real]),
        "flipped": predicted != classes.real and now == classes.real,
        "iterations": int(record["iterations"]),
        "queries": int(record["queries"]),
        "reused": record["made_for"] != explainer,
    }


def evaluation_rows(
    explainer: str,
    items: Sequence[Item],
    saliency: Mapping[str, Record],
    attacks: Sequence[Record],
    *,
    top: int,
    classes: Classes,
    population: str = "ranked",
) -> pd.DataFrame:
    """One row for each image and k.

    Args:
        explainer: the row's name.
        items: images with `key`, `sha256`, `category`.
        saliency: key -> record of the saliency stage.
        attacks: records of `run`, each with `made_for`: the explainer whose job has made it. Another's is `reused`.
        top: largest k.
        classes: the detector's; `label` is the index of the category's class, -1 where it has none.
        population: as of `advxai.saliency.ranking.ranking_of`.

    Returns:
        Columns IDENTITY and NUMBERS. An image without an explanation, or with fewer than `top` segments to attack,
        leaves this explainer's rows: included is False, the reason is given, the numbers are missing.
    """
    positive = " with a positive score" if population == "ranked" else ""
    by_mask = {(record["key"], record["mask"]): record for record in attacks}
    rows = []
    for item in items:
        record = saliency[item["key"]]
        ranked = len(ranking_of(record, population))
        lacking = missing_of(record) or f"only {ranked} segments{positive}, {top} are needed"
        for k in range(1, top + 1):
            row: dict[str, Any] = {
                "explainer": explainer,
                **{name: item[name] for name in ("key", "sha256", "category")},
                "label": classes.label(item["category"]),
                "k": k,
                "included": ranked >= top,
                "reason": "" if ranked >= top else lacking,
                "called_real": bool(record["called_real"]),
            }
            if row["included"]:
                row |= _measured(by_mask[item["key"], mask_id(top_mask(record, k, population))], classes, explainer)
            rows.append(row)
    frame = pd.DataFrame(rows, columns=[*IDENTITY, *NUMBERS])
    kinds = dict.fromkeys(("predicted_before", "predicted_after", "iterations", "queries"), "Int64")
    kinds |= dict.fromkeys(("flipped", "reused"), "boolean")
    kinds |= dict.fromkeys(("p_before", "p_after", "p_real_before", "p_real_after"), "float64")
    return frame.astype(kinds)
