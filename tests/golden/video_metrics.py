"""Metrics of clips: every measure of hand-made explanations, by a detector that sees one square."""

import numpy as np

from advxai.video.measured import run
from tests.golden.compare import Near, Values
from tests.helpers import reads_segment
from tests.unit.video_data import BRIGHT, KEY, SEGMENTS, SETTINGS, item, masked, record, subjects

SIGNED = np.sin(np.arange(SEGMENTS.size, dtype=np.float32)).reshape(SEGMENTS.shape)


def values() -> Values:
    keys = [KEY.replace("000_001", name) for name in ("000_001", "002_003", "004_005")]
    draws = np.stack([record(21, 5)["ranking"], record(0, 9)["ranking"]])
    records = (record(5, 21), record(3, map=SIGNED, zero=0.0), record(21, 5, draws=draws))
    found = subjects(dict(zip(keys, records, strict=True)), masked(5, 6, 21, 22))
    made = run(found.items([item(key) for key in keys]), lambda _: BRIGHT, reads_segment(5), found, SETTINGS, "mean", 2)
    return {
        "clips": [
            {
                "key": one["key"],
                "values": Near(np.nan_to_num(one["values"], nan=-9), absolute=1e-5),
                "p": Near(one["p"], absolute=1e-5),
                "images": one["images"],
            }
            for one in sorted(made, key=lambda one: one["key"])
        ]
    }
