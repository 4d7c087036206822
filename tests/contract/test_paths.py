"""Against captum, which takes seconds to import: no other file of tests does."""

import pytest
import torch
from captum.attr import Occlusion

from advxai.saliency import build
from tests.helpers import SIZE, drive_one, explainer_settings, inputs_of, linear_detector


@pytest.mark.parametrize(("grid", "window"), [(4, 1), (8, 2), (16, 5)])
def test_occlusion_equals_captum(grid, window):
    """Where the side is divisible by the grid: the same windows, and the mean over those that cover a pixel."""
    generator = torch.Generator().manual_seed(1)
    detector = linear_detector(torch.randn((3, SIZE, SIZE), generator=generator) * 0.05, bias=0.3)
    image, baseline = torch.rand((2, 3, SIZE, SIZE), generator=generator) * 2 - 1
    explainer = build(explainer_settings(method="occlusion", baseline="zeros", grid=grid, window=window))
    ours, cost = drive_one(explainer.explain(inputs_of(image, baseline)), detector)
    step = SIZE // grid
    theirs = Occlusion(detector.probabilities).attribute(
        image[None],
        sliding_window_shapes=(3, window * step, window * step),
        strides=(3, step, step),
        baselines=baseline[None],
        target=1,
        perturbations_per_eval=8,
    )
    assert cost.images == (grid - window + 1) ** 2 + 1
    assert theirs[0, 0].abs().max() > 0.01
    for channel in theirs[0].numpy():
        torch.testing.assert_close(torch.from_numpy(ours.map), torch.from_numpy(channel), rtol=0, atol=1e-6)
