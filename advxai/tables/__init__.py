"""The paper's tables, the flips behind them, and the list of what was left out."""

from advxai.tables.beside import published_accuracy_table, published_cost_table, published_sufficiency_table
from advxai.tables.compute import ALL, ORIGINAL, Axes, accuracy, clean_predictions, cost, flips, sufficiency
from advxai.tables.layout import (
    Table,
    accuracy_table,
    cost_table,
    explainer_table,
    flips_table,
    sufficiency_table,
)
from advxai.tables.left_out import collect, summary
from advxai.tables.write import write

__all__ = [
    "ALL",
    "ORIGINAL",
    "Axes",
    "Table",
    "accuracy",
    "accuracy_table",
    "clean_predictions",
    "collect",
    "cost",
    "cost_table",
    "explainer_table",
    "flips",
    "flips_table",
    "published_accuracy_table",
    "published_cost_table",
    "published_sufficiency_table",
    "sufficiency",
    "sufficiency_table",
    "summary",
    "write",
]
