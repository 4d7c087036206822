"""Metrics: every measure of hand-made explanations, by a detector that sees one segment."""

import numpy as np

from advxai.metrics.complexity import Complexity
from advxai.metrics.localisation import Localisation
from advxai.metrics.restoration import Restoration
from advxai.metrics.stage import with_forwards, without_forwards
from tests.golden.compare import Near, Values
from tests.helpers import SIZE, quadrants, reads_segment
from tests.unit.test_metrics import record, subjects

RANKINGS = {"a": [5, *range(5), *range(6, 16)], "b": [0, 1, 5, 2, 3, 4, *range(6, 16)], "c": [15, *range(15)]}


def values() -> Values:
    mask = (np.isin(quadrants(SIZE), [5, 6]) * 255).astype(np.uint8)
    found = subjects({key: record(ranking) for key, ranking in RANKINGS.items()}, mask)
    items = [{"key": key, "sha256": "1"} for key in RANKINGS]
    restoration = Restoration("restoration", 0.3, 3)
    made = {"restoration": with_forwards(items, found, restoration, reads_segment(5), at_once=2)}
    for measure in (Localisation("localisation", 3), Complexity("complexity")):
        made[measure.name] = without_forwards(items, found, measure)
    return {
        name: [
            {
                "key": one["key"],
                "values": Near(np.nan_to_num(one["values"], nan=-9), absolute=1e-5),
                "images": one["images"],
            }
            for one in sorted(records, key=lambda one: one["key"])
        ]
        for name, records in made.items()
    }
