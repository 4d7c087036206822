"""Adversary: NES on the analytic detector, its noise, its seeds, and the stage itself."""

import torch

from advxai.adversary.nes import gaussian_noise
from advxai.adversary.stage import run
from advxai.common.randomness import seed_of
from advxai.config.science import Adversary
from tests.golden.analytic import attacked
from tests.golden.compare import Near, Values, in_order
from tests.golden.pictures import detector, items, load

KEY = "manipulated_sequences/Deepfakes/c23/videos/000_001.mp4/00000_0.png"


def values() -> Values:
    draws = gaussian_noise(3, (8, 8), torch.device("cpu"), 0, "adversary", KEY)
    coarse = Adversary(alpha=0.02, sigma=0.05, samples=8, iterations=2)
    return {
        "seeds": [
            seed_of(0, "adversary", KEY, 0),
            seed_of(0, "adversary", KEY, 1),
            seed_of(7, "evaluation", KEY, 79),
            seed_of(123456789, "saliency", "lime", "ä"),
        ],
        # torch's normal draws are vectorised: their last digits depend on the CPU
        "noise": {
            str(iteration): Near(draws(iteration)[[0, 1, 2], 0, [0, 3, 7], [0, 5, 7]].numpy(), absolute=1e-5)
            for iteration in (0, 1, 79)
        },
        "stopped": attacked(Adversary(samples=6, iterations=40, alpha=0.02), seed=1),
        "exhausted": attacked(Adversary(samples=3, iterations=5, sigma=0.01), seed=2),
        "bounded": attacked(Adversary(samples=3, iterations=130, alpha=0.5, delta=0.001), seed=3),
        # float32: a sign may turn on another CPU, which moves a probability by less than the tolerance; large sigma and
        # alpha keep differences far above roundings, and other noise far beyond the tolerance
        "stage": [
            {
                **{name: record[name] for name in ("key", "sha256", "iterations", "queries", "calls", "success")},
                "shape": record["steps"].shape,
                "before": Near(record["before"], absolute=1e-5),
                "after": Near(record["after"], absolute=1e-3),
            }
            for record in in_order(items(1, 2), run(items(1, 2), load, detector(2.0), coarse, seed=5, at_once=2))
        ],
    }
