"""The segments that a saliency map puts first."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def ranking_of(record: Mapping[str, Any], population: str = "ranked") -> np.ndarray:
    """Segments in the order in which they are attacked.

    Args:
        record: of the saliency stage.
        population: `ranked`: those that the explainer ranks. `all`: the others follow, by falling score, so that every
            image stays in every explainer's rows.
    """
    ranking = record["ranking"]
    if population == "ranked":
        return ranking
    order = np.argsort(-record["scores"], kind="stable")
    return np.concatenate([ranking, order[~np.isin(order, ranking)]]).astype(ranking.dtype)


def top_mask(record: Mapping[str, Any], k: int, population: str = "ranked") -> np.ndarray:
    """Pixels of the k segments that come first: (h, w) bool."""
    return np.isin(record["segments"], ranking_of(record, population)[:k])
