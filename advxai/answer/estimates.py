"""Each row's value in each column, and how sure it is."""

from collections.abc import Iterable

import pandas as pd

from advxai.answer.cells import Cell, cells
from advxai.metrics.columns import Column
from advxai.statistics import Interval, mean, share

# What every table of values says of one: how many images and people it is of, and its interval, by which method.
VALUE = {
    "n": "int64",
    "clusters": "int64",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "method": "str",
}
ESTIMATES = {"explainer": "str", "column": "str", "category": "str", **VALUE}


def _interval(cell: Cell, name: str, seed: int) -> Interval:
    if cell.column.kind == "share":
        return share(cell.of(name), cell.clusters)
    return mean(cell.of(name), cell.clusters, cell.generator(seed, "mean", name))


def estimates(scores: pd.DataFrame, columns: Iterable[Column], seed: int) -> pd.DataFrame:
    """Means and shares of all rows.

    Args:
        scores: see the package.
        columns: those without scores are passed over.
        seed: of the bootstrap.

    Returns:
        explainer, column, category (`all`; of a column that has no mean over categories, each of them), n (images),
        clusters, value (NaN where n = 0), low, high (NaN below 20 clusters), method (of the interval, or why there is
        none). The rows come as in the scores, the columns as given.
    """
    lines = []
    for cell in cells(scores, columns):
        for name in cell.values:
            found = _interval(cell, str(name), seed)
            lines.append(
                {
                    "explainer": name,
                    "column": cell.column.name,
                    "category": cell.category,
                    "n": found.n,
                    "clusters": found.clusters,
                    "value": found.value,
                    "low": found.low,
                    "high": found.high,
                    "method": found.method,
                }
            )
    return pd.DataFrame(lines, columns=list(ESTIMATES)).astype(ESTIMATES)
