"""Whether the measures order the explainers alike."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from advxai.answer.cells import title
from advxai.answer.comparisons import headline
from advxai.answer.rows import Row, circular, explainers
from advxai.common.rows import rows as lines_of
from advxai.metrics.columns import Column, named
from advxai.statistics import kendall


def agreement(estimates: pd.DataFrame, columns: Iterable[Column], rows: Sequence[Row]) -> pd.DataFrame:
    """Kendall's tau-b between the columns' orders of the explainers, the better value first in each.

    Args:
        estimates: of `advxai.answer.estimates`.
        columns: the headline columns that have a direction are taken, per category where they have no mean.
        rows: all rows; explainers that are compared are ordered, without those that are circular in a column.

    Returns:
        Square and symmetric, with the columns' titles as index and columns; NaN where tau isn't defined: fewer than two
        explainers have both values, or all of them have the same.
    """
    of = named(headline(columns))
    names = explainers(rows)
    by_name = {row.name: row for row in rows}
    values: dict[str, dict[str, float]] = {}
    for line in lines_of(estimates[estimates["column"].isin(list(of)) & estimates["explainer"].isin(names)]):
        column = of[line["column"]]
        own = values.setdefault(title(column, line["category"]), {})
        if not circular(by_name[line["explainer"]], column):
            own[line["explainer"]] = line["value"] if column.better == "higher" else -line["value"]
    orders = {name: np.array([own.get(explainer, np.nan) for explainer in names]) for name, own in values.items()}
    taus = [[kendall(first, second) for second in orders.values()] for first in orders.values()]
    return pd.DataFrame(taus, index=list(orders), columns=list(orders), dtype="float64")
