"""The segments that a saliency map puts first."""

import numpy as np
from numpy.typing import NDArray

from advxai.common.types import Record


def ranking_of(record: Record, population: str = "ranked") -> NDArray[np.int16]:
    """Segments in the order in which they are attacked.

    Args:
        record: of the saliency stage.
        population: `ranked`: those that the explainer ranks. `all`: the others follow, by falling score, so that every
            image stays in every explainer's rows.
    """
    ranking: NDArray[np.int16] = record["ranking"]
    if population == "ranked":
        return ranking
    order = np.argsort(-record["scores"], kind="stable")
    return np.concatenate([ranking, order[~np.isin(order, ranking)]]).astype(ranking.dtype)


def top_mask(record: Record, k: int, population: str = "ranked") -> NDArray[np.bool_]:
    """Pixels of the k segments that come first: (h, w) bool."""
    return np.isin(record["segments"], ranking_of(record, population)[:k])
