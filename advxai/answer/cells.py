"""Scores cell by cell: a column, or a column in one category where its mean over categories would mean nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from advxai.common.errors import InputError
from advxai.common.randomness import seed_of
from advxai.metrics.columns import Column, arrowed
from advxai.tables.compute import ALL, paper_order, short


def title(column: Column, category: str) -> str:
    """Name of a cell, as `pixel AUC` or `pixel AUC, DF`."""
    return column.title if category == ALL else f"{column.title}, {short(category)}"


def heading(column: Column, category: str) -> str:
    """Name of a cell with an arrow that says which values are better."""
    return arrowed(column, title(column, category))


@dataclass(frozen=True)
class Cell:
    """The values of one column, in one category if it has no mean over them.

    Attributes:
        column: which.
        category: or `all`.
        values: images x rows, sorted by key; NaN where there is none.
        clusters: of the images.
    """

    column: Column
    category: str
    values: pd.DataFrame
    clusters: NDArray[np.object_]

    def of(self, name: str) -> NDArray[np.float64]:
        """(images,) values of a row; NaN all of them, if it has none."""
        if name not in self.values:
            return np.full(len(self.values), np.nan)
        return self.values[name].to_numpy(dtype=np.float64)

    def generator(self, seed: int, *what: str) -> np.random.Generator:
        """For one number of this cell, whichever others are computed."""
        return np.random.default_rng(seed_of(seed, "answer", self.column.name, self.category, *what))


def cells(scores: pd.DataFrame, columns: Iterable[Column]) -> Iterator[Cell]:
    """The cells of the columns that have scores, in the order of the columns and the paper's of categories.

    Raises:
        InputError: an image has two values of one row and column.
    """
    names = list(dict.fromkeys(scores["explainer"]))
    parts = {str(name): part for name, part in scores.groupby("column", sort=False)}
    for column in columns:
        if column.name not in parts:
            continue
        own = parts[column.name]
        twice = own[own.duplicated(["explainer", "key"])]
        if len(twice):
            raise InputError(f"{twice.iloc[0]['key']} has two values of {column.name}: delete its shards and run again")
        for category in paper_order(set(own["category"])) if column.by_category else [ALL]:
            part = own if category == ALL else own[own["category"] == category]
            values = part.pivot(index="key", columns="explainer", values="value").reindex(columns=names)
            clusters = part.drop_duplicates("key").set_index("key")["cluster"].reindex(values.index)
            yield Cell(column, category, values, clusters.to_numpy(dtype=object))
