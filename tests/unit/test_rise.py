"""RISE's p1: the threshold of the draws, and the divisor of the map."""

import numpy as np
import pytest
import torch

from advxai.saliency import build, rise
from advxai.saliency.rise import RiseDesign, default_design
from tests.helpers import SIZE, explainer_settings, inputs_of, linear_detector


def row(**entry) -> rise.Rise:
    return build(explainer_settings(method="rise", baseline="zeros", masks=20, **entry))


@pytest.mark.parametrize("p1", [0.1, 0.3, 0.9])
def test_cells_are_kept_where_the_draw_is_below_p1(p1):
    for draw, values in (
        ("uniform", np.random.default_rng(0).random((50, 4, 4))),
        ("normal", np.random.default_rng(0).standard_normal((50, 4, 4))),
    ):
        design = default_design(50, 4, SIZE, p1, draw, np.random.default_rng(0))
        np.testing.assert_array_equal(design.cells, values < p1)


@pytest.mark.parametrize(("p1", "kept"), [(1e-12, 0.0), (1 - 1e-12, 1.0)])
def test_the_configured_p1_decides_what_is_kept(p1, kept):
    """Uniform draws are all above the one and all below the other: requests are the baseline, or the image."""
    inputs = inputs_of(torch.ones(3, SIZE, SIZE), torch.zeros(3, SIZE, SIZE), chunk=20)
    request = next(row(p1=p1, draw="uniform").explain(inputs))
    assert request.shape == (20, 3, SIZE, SIZE)
    np.testing.assert_allclose(request, kept, atol=1e-6)


@pytest.mark.parametrize(("divide_by", "p1", "scale"), [("p1", 0.1, 10), ("p1", 0.25, 4), ("coverage", 0.25, 1)])
def test_the_map_before_its_scaling(monkeypatch, divide_by, p1, scale):
    """Every mask keeps everything and the detector always says 1/2: a pixel's sum is n / 2, over n * p1 or over n."""
    monkeypatch.setattr(rise, "min_max", lambda values: values)
    image = torch.ones(3, SIZE, SIZE)
    design = RiseDesign(np.ones((20, 4, 4), bool), np.zeros((20, 2), np.int64))
    work = row(p1=p1, divide_by=divide_by, softmax_again=False).explain(inputs_of(image, image, chunk=8), design)
    detector, answer = linear_detector(torch.zeros(3, SIZE, SIZE)), None
    with pytest.raises(StopIteration) as stop:
        while True:
            answer = detector.probabilities(work.send(answer))
    np.testing.assert_allclose(stop.value.value.map, scale / 2, rtol=1e-5)
