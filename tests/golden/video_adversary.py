"""Copies of clips: how far frames go until the clip is called real, and the stage itself."""

import numpy as np

from advxai.config.science import Adversary
from advxai.video.adversary import run
from tests.clips import clip, load
from tests.golden.compare import Near, Values, in_order
from tests.golden.pictures import detector


def values() -> Values:
    clips = [clip(1, 4), clip(2, 4)]
    # float32: see adversary.py
    settings = {
        "stopped": (0.3, Adversary(alpha=0.05, sigma=0.05, samples=8, iterations=20)),
        "exhausted": (2.0, Adversary(alpha=0.02, sigma=0.05, samples=8, iterations=2)),
    }
    return {
        name: [
            {
                **{field: record[field] for field in ("key", "sha256", "iterations", "queries", "calls", "success")},
                "shape": record["steps"].shape,
                "sum": Near(np.abs(record["steps"].astype(int)).sum(), relative=0.01),
                "before": Near(record["before"], absolute=1e-5),
                "after": Near(record["after"], absolute=2e-3),
            }
            for record in sorted(
                in_order(clips, run(clips, load, detector(bias), own, "mean", 5, 2)), key=lambda one: one["iterations"]
            )
        ]
        for name, (bias, own) in settings.items()
    }
