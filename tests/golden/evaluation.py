"""Evaluation: rows of hand-made records."""

import json

import numpy as np

from advxai.common.classes import Classes
from advxai.evaluation.masks import attack_items
from advxai.evaluation.rows import evaluation_rows
from tests.golden.compare import Near, Values
from tests.helpers import quadrants

# p before and after the attacks on the first one and two segments; the classes are Real, A, B
ANSWERS = {
    "a/0.png": [(0.125, 0.625, 0.25), (0.25, 0.5, 0.25), (0.5, 0.25, 0.25)],  # called Real after the second
    "b/1.png": [(0.0625, 0.1875, 0.75), (0.125, 0.5, 0.375), (0.25, 0.375, 0.375)],  # another category; a tie
    "c/2.png": [(0.5, 0.25, 0.25), (0.625, 0.25, 0.125), (0.75, 0.125, 0.125)],  # called Real from the start
}
LAST = "d/3.png"  # too few segments


def values() -> Values:
    keys = [*ANSWERS, LAST]
    items = [
        {"key": key, "sha256": key[::-1], "category": "AB"[number % 2], "label": 1 + number % 2}
        for number, key in enumerate(keys)
    ]
    saliency = {
        key: {
            "segments": quadrants(),
            "ranking": np.array([5, 0, 9][: 1 if key == LAST else 3], np.int16),
            "called_real": key == "c/2.png",
        }
        for key in keys
    }
    attacks = []
    for number, item in enumerate(attack_items(items, saliency, 2)):
        before, *after = ANSWERS[item["key"]]
        attacks.append(
            {
                **{name: item[name] for name in ("key", "sha256", "mask")},
                "iterations": 3 + number,
                "queries": 81 * (3 + number) + 1,
                "before": np.array(before, np.float32),
                "after": np.array(after[number % 2], np.float32),
                "success": after[number % 2][0] >= 0.5,
                "made_for": "RISE" if number == 1 else "LIME",
            }
        )
    frame = evaluation_rows("LIME", items, saliency, attacks, top=2, classes=Classes(("Real", "A", "B")))
    columns = json.loads(frame.to_json(orient="split", double_precision=15))
    rows = [dict(zip(columns["columns"], row, strict=True)) for row in columns["data"]]
    return {"rows": Near(rows, absolute=1e-12)}
