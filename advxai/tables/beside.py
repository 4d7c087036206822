"""The published tables with our readings of their rows beside them.

Accuracy and sufficiency are in the same units here and in the paper, so the numbers stand below each other, in the
columns of our own tables: a line `LIME, published`, then for each reading a line `LIME_released, ours` and a line
`LIME_released, difference`. What a cost is counted in differs, so no cost is subtracted, and the published figures have
columns of their own: a line a reading, those of the published row at its left.

Only what the paper has is shown: its four categories (none for all of them together) and its top-1 to top-3.
"""

from collections.abc import Mapping

import pandas as pd

from advxai.common.errors import InputError
from advxai.common.rows import columns
from advxai.tables.compute import BACKWARDS, ORIGINAL, Axes, short
from advxai.tables.layout import Table, decimals_of, image_count
from advxai.tables.published import (
    ACCURACY,
    CATEGORIES,
    COST,
    COST_NOTES,
    ORIGINAL_ACCURACY,
    ROWS,
    SCORE_NOTES,
    SOURCE,
    SUFFICIENCY,
    TOP,
    Scores,
)


def _pairs(axes: Axes, readings: Mapping[str, str]) -> pd.DataFrame:
    """One row (published, explainer) a reading; explainer is missing where nothing reads the published row."""
    for name, row in readings.items():
        if row not in ROWS:
            raise InputError(f"explainers.{name}.published = {row!r}: the paper's rows are {', '.join(ROWS)}")
    pairs: list[tuple[str, str | None]] = []
    for row in ROWS:
        names = [name for name in axes.explainers if readings.get(name) == row]
        pairs += [(row, name) for name in names] or [(row, None)]
    return pd.DataFrame(pairs, columns=["published", "explainer"], dtype="str")


def _scores(table: Mapping[str, Scores], value: str) -> pd.DataFrame:
    rows = [
        (row, category, k, number)
        for row, scores in table.items()
        for category, numbers in scores._asdict().items()
        for k, number in zip(TOP, numbers, strict=True)
    ]
    return pd.DataFrame(rows, columns=["published", "category", "k", value])


def _tidy(pairs: pd.DataFrame, published: pd.DataFrame, ours: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Columns published, explainer, category, k, n, published <measure>, <measure>, difference; in the paper's order.

    n = 0 and the last two are NaN where we have no number.
    """
    beside = pairs.merge(published, on="published").merge(ours, on=["explainer", "category", "k"], how="left")
    beside["n"] = beside["n"].fillna(0).astype("int64")
    beside["difference"] = beside[measure] - beside[f"published {measure}"]
    columns = ["published", "explainer", "category", "k", "n", f"published {measure}", measure, "difference"]
    return beside[columns]


def _counts(rows: pd.DataFrame, top: int) -> dict[str, int | str | None]:
    """Our images, over the paper's categories and in each of them."""
    used = rows[rows["k"] <= top]  # there is none at a k that wasn't computed
    counts: dict[str, int | str | None] = {"n": image_count(used.groupby("k")["n"].sum())}
    for category in CATEGORIES:
        counts[f"{short(category)} n"] = image_count(used.loc[used["category"] == category, "n"])
    return counts


def _values(rows: pd.DataFrame, column: str) -> dict[str, float]:
    numbers = rows.set_index(["category", "k"])[column]
    original = rows["k"].eq(0).all()  # its one number is what every k is compared with
    return {
        f"{short(category)} top-{k}": float(numbers[category, 0 if original else k])
        for category in CATEGORIES
        for k in TOP
    }


def _table(caption: str, tidy: pd.DataFrame, measure: str, axes: Axes) -> Table:
    lines: list[dict[str, object]] = []
    ends = []
    for row, group in tidy.groupby("published", sort=False):
        readings = list(group.groupby("explainer", sort=False))
        # every reading repeats the published numbers, and a row without one has them once
        first = readings[0][1] if readings else group
        blank = dict.fromkeys(_counts(first, axes.top))
        lines.append({"explainer": f"{row}, published", **blank, **_values(first, f"published {measure}")})
        for name, part in readings:
            lines.append({"explainer": f"{name}, ours", **_counts(part, axes.top), **_values(part, measure)})
            lines.append({"explainer": f"{name}, difference", **blank, **_values(part, "difference")})
        ends.append(len(lines) - 1)
    wide = pd.DataFrame(lines, dtype="object")
    values = [column for column in columns(wide) if " top-" in column]
    return Table(
        caption,
        tidy,
        wide.astype(dict.fromkeys(values, "float64") | {"explainer": "str"}),
        rules=dict.fromkeys(ends[:-1], ""),
        notes=SCORE_NOTES,
    )


def published_accuracy_table(ours: pd.DataFrame, axes: Axes, readings: Mapping[str, str]) -> Table:
    """Table 1 of the paper beside ours.

    Args:
        ours: our table in its tidy form (`layout.accuracy_table`).
        axes: its rows and columns.
        readings: our row -> the published row that it is a reading of; other rows of ours aren't shown.

    Returns:
        Tidy: published, explainer, category, k (0 for Original), n, published accuracy, accuracy, difference (ours less
        published). Wide: see the module.

    Raises:
        InputError: a reading is of a row that the paper doesn't have.
    """
    measure = "accuracy"
    original = pd.DataFrame(
        {"published": ORIGINAL, "category": category, "k": 0, f"published {measure}": number}
        for category, number in ORIGINAL_ACCURACY.items()
    )
    published = pd.concat([original, _scores(ACCURACY, f"published {measure}")], ignore_index=True)
    top = pd.DataFrame({"published": [ORIGINAL], "explainer": [ORIGINAL]}, dtype="str")
    pairs = pd.concat([top, _pairs(axes, readings)], ignore_index=True)
    return _table(
        f"Accuracy of the detector after attacks on the top-k segments, as published ({SOURCE}, table 1) and ours; "
        "lower is better. Original: on the clean images.",
        _tidy(pairs, published, ours, measure),
        measure,
        axes,
    )


def published_sufficiency_table(ours: pd.DataFrame, axes: Axes, readings: Mapping[str, str]) -> Table:
    """Table 2 of the paper beside ours (`layout.sufficiency_table`). Arguments, columns, errors: see
    `published_accuracy_table`; no Original."""
    measure = "sufficiency"
    published = _scores(SUFFICIENCY, f"published {measure}")
    return _table(
        "Sufficiency: mean fall of the predicted class's probability after attacks on the top-k segments, as published "
        f"({SOURCE}, table 2) and ours; higher is better.",
        _tidy(_pairs(axes, readings), published, ours, measure),
        measure,
        axes,
    )


def published_cost_table(ours: pd.DataFrame, axes: Axes, readings: Mapping[str, str]) -> Table:
    """Table 3 of the paper beside ours.

    Args:
        ours: our table in its tidy form (`layout.cost_table`).
        axes, readings: see `published_accuracy_table`.

    Returns:
        Columns published row, explainer, published seconds, published calls, then those of `compute.cost`; n = 0 and
        the costs NaN where no row of ours reads the published one.

    Raises:
        InputError: a reading is of a row that the paper doesn't have.
    """
    names = ["published row", "published seconds", "published calls"]
    published = pd.DataFrame([(row, *spent) for row, spent in COST.items()], columns=names)
    pairs = _pairs(axes, readings).rename(columns={"published": "published row"})
    beside = pairs.merge(published, on="published row").merge(ours, on="explainer", how="left")
    beside["n"] = beside["n"].fillna(0).astype("int64")
    backs = [name for name in columns(beside) if name.endswith(BACKWARDS)]
    if not beside[backs].fillna(0).any(axis=None):  # they are of other rows of the run
        beside = beside.drop(columns=backs)
    return Table(
        f"Mean cost of explaining one image, as published ({SOURCE}, table 3) and ours: seconds, images through the "
        "detector, calls of it. Own: the explainer's; total: with the adversarial copy.",
        beside,
        beside,
        decimals={"published seconds": 1} | decimals_of(beside),
        notes=COST_NOTES,
    )
