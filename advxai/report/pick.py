"""Which images the figures show."""

from collections.abc import Sequence

import pandas as pd

from advxai.tables.compute import paper_order


def pick(rows: pd.DataFrame, categories: Sequence[str]) -> dict[str, str]:
    """One image a category, the same for the same rows, and never chosen by how well an explainer did on it.

    Preferred, in this order: an image that every explainer's rows include, one that the detector calls fake, one whose
    class it gets right; then the first in the order of the rows.

    Args:
        rows: evaluation rows of the explainers that the figure shows.
        categories: the columns wanted.

    Returns:
        category -> key, in the paper's order; a category without any image is absent.
    """
    images = rows.groupby("key", sort=False).agg(
        category=("category", "first"),
        included=("included", "all"),
        called_real=("called_real", "first"),
        label=("label", "first"),
        predicted=("predicted_before", "first"),  # the first that isn't missing
    )
    images["right"] = (images["predicted"] == images["label"]).fillna(False).astype(bool)
    best = images.sort_values(["included", "called_real", "right"], ascending=[False, True, False], kind="stable")
    first = best.reset_index().groupby("category", sort=False)["key"].first()
    return {category: first[category] for category in paper_order(categories) if category in first.index}
