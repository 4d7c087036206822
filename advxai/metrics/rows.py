"""Tidy rows of the measures: one for each image and column."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from advxai.common.types import Item, Record
from advxai.metrics.base import Measure

ROWS = {
    "explainer": "str",
    "key": "str",
    "sha256": "str",
    "category": "str",
    "column": "str",
    "value": "float64",
    "reason": "str",
}


def metrics_rows(
    explainer: str, items: Sequence[Item], found: Iterable[tuple[Measure, Mapping[str, Record]]]
) -> pd.DataFrame:
    """One row for each image and column.

    Args:
        explainer: the row's name.
        items: images with `key`, `sha256`, `category`.
        found: measures, each with key -> its record.

    Returns:
        Columns ROWS. Where the value is missing (NaN), the reason says why; else it is "".
    """
    rows = []
    for measure, records in found:
        for item in items:
            record = records[item["key"]]
            own = {"explainer": explainer, **{name: item[name] for name in ("key", "sha256", "category")}}
            reasons = record["reasons"].split("\n")
            for column, value, reason in zip(measure.columns, record["values"], reasons, strict=True):
                rows.append({**own, "column": column.name, "value": float(value), "reason": reason})
    return pd.DataFrame(rows, columns=list(ROWS)).astype(ROWS)
