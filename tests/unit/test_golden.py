"""A stage's numbers are those of its version, and a change of them is noticed."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advxai.run.digests import VERSIONS
from tests.golden.compare import DATA, Near, Unraised, differences, problem, values_of, write

NUMBERS = {"count": 3, "name": "a", "parts": [{"mean": Near(np.float32(0.1), absolute=1e-6)}], "none": None}


@pytest.mark.parametrize("stage", VERSIONS)
def test_the_numbers_are_those_of_the_version(stage: str):
    wrong = problem(stage, VERSIONS[stage], values_of(stage), DATA)
    if wrong:
        pytest.fail(wrong, pytrace=False)


def test_every_stage_has_a_small_file():
    assert {path.stem for path in DATA.glob("*.json")} == set(VERSIONS)
    assert all(path.stat().st_size < 8000 for path in DATA.glob("*.json"))


# For each stage something small that its numbers depend on.
CHANGES = {
    "clip": ("advxai.corpus.manipulations.Deepfakes.CONTRAST", 0.86),
    "faces": ("advxai.media.retinaface.MEAN_RGB", (127.0, 117.0, 105.0)),
    "counterparts": ("advxai.frames.counterparts.SIGMA", 1.0),
    "clips": ("advxai.clips.box.PARTS", 0.25),
    "detector": ("advxai.detector.schedule.WARM_UP", 0.3),
    "predictions": ("advxai.detector.model.Preprocessing.normalise", lambda self, unit: unit - 0.5),
    "adversary": ("torch.Tensor.sign", lambda gradient: (-gradient).sgn()),
    "saliency": ("advxai.saliency.lime.kernel_weights", lambda design, width: design.mean(axis=1) ** (1 / width)),
    "controls": ("advxai.saliency.controls.rank", lambda scores: scores.argsort().astype(np.int16)),
    "attacks": ("advxai.evaluation.masks.mask_id", lambda mask: str(mask.sum())),
    "evaluation": ("advxai.evaluation.rows.top_mask", lambda record, k, _: record["segments"] == record["ranking"][0]),
    "metrics": ("advxai.metrics.restoration.fall", lambda areas, p, area: float(p[0] - p[-1])),
    "video_attacks": ("torch.Tensor.sign", lambda gradient: (-gradient).sgn()),
    "video_metrics": ("advxai.video.temporal.SHIFT", 0.2),
