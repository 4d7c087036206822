"""Every table of a run, by its name."""

from collections.abc import Mapping

import pandas as pd

from advxai.tables.beside import published_accuracy_table, published_cost_table, published_sufficiency_table
from advxai.tables.compute import Axes, clean_predictions
from advxai.tables.layout import Table, accuracy_table, cost_table, flips_table, sufficiency_table


def combined(rows: pd.DataFrame, spent: pd.DataFrame, axes: Axes) -> dict[str, Table]:
    """Tables of all explainers: accuracy, sufficiency, cost, flips.

    Args:
        rows: evaluation rows of all explainers.
        spent: of `advxai.tables.read.explanations`, of all explainers.
        axes: the tables' rows and columns.
    """
    return {
        "accuracy": accuracy_table(rows, clean_predictions(rows, spent), axes),
        "sufficiency": sufficiency_table(rows, axes),
        "cost": cost_table(spent, axes),
        "flips": flips_table(rows, axes),
    }


def published(ours: Mapping[str, pd.DataFrame], axes: Axes, readings: Mapping[str, str]) -> dict[str, Table]:
    """The paper's tables with this run's readings of their rows beside them.

    Args:
        ours: accuracy, sufficiency and cost in their tidy form.
        axes: their rows and columns.
        readings: our row -> the published row that it is a reading of.
    """
    beside = {
        "accuracy": published_accuracy_table,
        "sufficiency": published_sufficiency_table,
        "cost": published_cost_table,
    }
    return {name: table(ours[name], axes, readings) for name, table in beside.items()}
