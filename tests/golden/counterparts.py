"""Counterparts: how well two pictures fit, and where they differ."""

import numpy as np

from advxai.frames.counterparts import alignment, derived_mask, difference
from tests.golden.compare import Near, Values


def values() -> Values:
    generator = np.random.default_rng(7)
    genuine = generator.integers(60, 180, (40, 48, 3)).astype(np.uint8)
    noisy = (genuine + generator.integers(-2, 3, genuine.shape)).astype(np.uint8)
    noisy[12:28, 16:36] += 40
    mask = np.zeros((40, 48), np.uint8)
    mask[8:32, 12:40] = 255
    found = {}
    for name, region in (("mask", mask), ("box", None)):
        fit = alignment(noisy, genuine, region)
        found[name] = {key: Near(fit[key], relative=1e-4) for key in ("inside", "outside", "alignment")}
        found[name] |= {"region": fit["region"], "derived": int(derived_mask(noisy, genuine, region).sum())}
    return found | {"difference": Near(difference(noisy, genuine)[20, 16:20], absolute=1e-6)}
