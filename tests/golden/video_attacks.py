"""Attacks on clips: which pixels of which frames are attacked, their names, NES on them alone, and the rows."""

import json

import numpy as np

from advxai.config.science import Evaluation
from advxai.video.attacks import run
from advxai.video.rows import attack_items, attack_rows
from tests.golden.compare import Near, Values
from tests.helpers import TWO, reads_segment
from tests.unit.video_data import KEY, item, record


def values() -> Values:
    coarse = Evaluation(alpha=0.1, sigma=0.05, samples=8, iterations=3)
    items, saliency = [item()], {KEY: record(5, 21)}
    plan = attack_items(items, saliency, 2)
    image = np.full((32, 32, 3), 130, np.uint8)
    made = list(run(plan, lambda _: image, reads_segment(5), coarse, "mean", seed=5, at_once=2))
    rows = attack_rows("A", items, saliency, [{**one, "made_for": "A"} for one in made], top=2, classes=TWO)
    columns = json.loads(rows.to_json(orient="split", double_precision=15))
    return {
        "planned": [[one["mask"], one["pixels"].sum()] for one in plan],
        # float32: see adversary.py
        "rows": Near([dict(zip(columns["columns"], row, strict=True)) for row in columns["data"]], absolute=1e-3),
    }
