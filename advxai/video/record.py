"""An explained clip's record, but for its name and its own cost. Needs no torch."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from advxai.common.types import Record


class Explained(Protocol):
    """What explainers return, and controls."""

    @property
    def map(self) -> NDArray[np.floating]: ...

    @property
    def scores(self) -> NDArray[np.float32]: ...

    @property
    def ranking(self) -> NDArray[np.int16]: ...

    @property
    def zero(self) -> float: ...


def record_of(found: Explained, host: Record, target: int, missing: str, attack: Record) -> dict[str, Any]:
    """The fields of a record that say what was found.

    Args:
        found: map (T, h, w), scores, ranking and zero.
        host: the clip's scores, as of `advxai.video.hosts.hosts_of`.
        target: the class that is explained.
        missing: why there is no explanation; "" if there is one.
        attack: the record of the clip's adversarial copy; empty: none was needed.
    """
    return {
        "map": found.map,
        "segments": host["segments"],
        "scores": found.scores,
        "ranking": found.ranking,
        "zero": found.zero,
        "missing": missing,
        "target": target,
        "called_real": bool(host["called_real"]),
        "before": host["before"],
        "frames_before": host["frames_before"],
        "adversary_images": int(attack.get("queries", 0)),
        "adversary_calls": int(attack.get("calls", 0)),
        "adversary_seconds": float(attack.get("seconds", 0.0)),
    }
