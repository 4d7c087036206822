"""The scores of segments, and which of them come first. Needs numpy alone."""

import numpy as np
from numpy.typing import NDArray

from advxai.common.arrays import Floats
from advxai.common.types import Record


def segment_means(saliency: Floats, segments: NDArray[np.int16]) -> NDArray[np.float32]:
    """Score of each segment: the mean of the map in it. (h, w), (h, w) -> (S,) float32; of a clip likewise."""
    count = np.bincount(segments.ravel())
    return (np.bincount(segments.ravel(), saliency.ravel().astype(np.float64)) / count).astype(np.float32)


def rank(scores: Floats, ties: np.random.Generator | None = None) -> NDArray[np.int16]:
    """Segments by falling score, (S,) int16.

    Args:
        scores: (S,).
        ties: draws the order of equal scores; None: they keep that of their labels, which begin in the background.
    """
    if ties is None:
        return np.argsort(-scores, kind="stable").astype(np.int16)
    return np.lexsort((ties.random(len(scores)), -scores)).astype(np.int16)


def missing_of(record: Record) -> str:
    """Why there is no explanation, "" where there is one; `record` is of the saliency stage."""
    return str(record.get("missing", ""))  # a record that was made before has none


def ranking_of(record: Record, population: str = "ranked") -> NDArray[np.int16]:
    """Segments in the order in which they are attacked.

    Args:
        record: of the saliency stage.
        population: `ranked`: those that the explainer ranks. `all`: the others follow, by falling score, so that every
            image stays in every explainer's rows; but none where there is no explanation.
    """
    ranking: NDArray[np.int16] = record["ranking"]
    if population == "ranked" or missing_of(record):
        return ranking
    order = np.argsort(-record["scores"], kind="stable")
    return np.concatenate([ranking, order[~np.isin(order, ranking)]]).astype(ranking.dtype)


def top_mask(record: Record, k: int, population: str = "ranked") -> NDArray[np.bool_]:
    """Pixels of the k segments that come first: (h, w) bool, as the segments."""
    return np.isin(record["segments"], ranking_of(record, population)[:k])
