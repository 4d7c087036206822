"""Attacks: which pixels are attacked, what they are called, and NES on them alone."""

import numpy as np

from advxai.config.science import Evaluation
from advxai.evaluation.attacks import run
from advxai.evaluation.masks import attack_items, mask_id
from tests.golden.analytic import SIDE, attacked
from tests.golden.compare import Near, Values, in_order
from tests.golden.pictures import detector, items, load
from tests.helpers import quadrants


def values() -> Values:
    disc = np.hypot(*np.mgrid[-5.5:6, -5.5:6]) < 4.5
    ranking = np.array([9, 2, 5, 14], np.int16)
    plan = attack_items(items(1), {items(1)[0]["key"]: {"segments": quadrants(), "ranking": ranking}}, 3)
    coarse = Evaluation(alpha=0.05, sigma=0.05, samples=8, iterations=2)
    return {
        "masks": {
            "disc": mask_id(disc),
            "none": mask_id(np.zeros((SIDE, SIDE), bool)),
            "wide": mask_id(np.ones((3, 7), bool)),
            "tall": mask_id(np.ones((7, 3), bool)),
        },
        "planned": [[item["mask"], item["pixels"].sum()] for item in plan],
        "stopped": attacked(Evaluation(samples=6, iterations=60, alpha=0.03), 4, disc),
        "exhausted": attacked(Evaluation(samples=3, iterations=5), 5, quadrants(SIDE) % 5 == 1),
        # float32: see adversary.py
        "stage": [
            {
                **{name: record[name] for name in ("key", "sha256", "mask", "iterations", "queries", "success")},
                "before": Near(record["before"], absolute=1e-5),
                "after": Near(record["after"], absolute=1e-3),
            }
            for record in in_order(plan, run(plan, load, detector(2.0, 0.05), coarse, seed=5, at_once=2))
        ],
    }
