"""Every explainer, on a detector that reads one known segment; and against the packages."""

import numpy as np
import pytest
import torch

from advxai.config.rows import BASELINES
from advxai.detector.engine import run
from advxai.saliency import build
from advxai.saliency.baselines import fill
from advxai.saliency.rise import RiseDesign
from tests.contract import white_checks
from tests.contract.white_checks import one_thread  # noqa: F401
from tests.helpers import (
    SIZE,
    UNIT,
    drive_one,
    explainer_settings,
    inputs_of,
    linear_detector,
    quadrants,
    reads_segment,
)

BUDGETS = {
    "lime": {"samples": 200},
    "shap": {"evaluations": 300},
    "sobol": {"grid": 4, "design": 16},
    "rise": {"masks": 600, "cells": 4},
    "occlusion": {"grid": 4, "window": 1},
    "kernel_shap": {"samples": 200},
    "tests.custom:Occlusion": {"params": {"batch": 5}},
}
# So many images for a dozen segments, where only equality is asked for
SMALL = {
    "lime": {"samples": 40},
    "shap": {"evaluations": 60},
    "sobol": {"design": 4},
    "rise": {"masks": 60},
    "occlusion": {"grid": 6},
    "kernel_shap": {"samples": 40},
}
EXACT = {"lime": 200, "sobol": 16 * (16 + 2), "rise": 600, "tests.custom:Occlusion": 16}
EXACT |= {"occlusion": 17, "kernel_shap": 202}  # both ask for the image, the latter for the baseline too


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    """Segments differ in brightness, all above zero, so that every detector that reads one calls it fake."""
    generator = torch.Generator().manual_seed(3)
    noise = 0.1 * torch.rand((3, SIZE, SIZE), generator=generator)
    return (0.6 + noise + torch.from_numpy(quadrants() % 3).float() * 0.05).clamp(-1, 1)


@pytest.mark.parametrize("method", BUDGETS)
@pytest.mark.parametrize("segment", [0, 6, 15])
def test_the_known_segment_comes_first(method, segment, image):
    """With an all-negative filling, only the segment that the detector reads can change its answer."""
    explainer = build(explainer_settings(method=method, baseline="zeros", **BUDGETS[method]))
    inputs = inputs_of(image, torch.full_like(image, -0.6))
    explanation, _ = drive_one(explainer.explain(inputs), reads_segment(segment))
    assert explanation.ranking[0] == segment
    assert explanation.scores.argmax() == segment
    rest = np.delete(explanation.scores, segment)
    assert explanation.scores[segment] > rest.max() + 0.1 * (rest.max() - rest.min())


@pytest.mark.parametrize(
    ("method", "draws"),
    {
        "lime": lambda keep: np.full((5, 16), keep, np.uint8),
        "sobol": lambda keep: np.full((16 * 18, 16), keep, np.float64),
        "rise": lambda keep: RiseDesign(np.full((5, 4, 4), bool(keep)), np.zeros((5, 2), np.int64)),
    }.items(),
)
def test_a_given_design_takes_the_drawn_one_s_place(method, draws, image):
    """One that keeps everything asks for the image, one that keeps nothing for the baseline."""
    explainer, baseline = build(explainer_settings(method=method, baseline="zeros", **BUDGETS[method])), -image
    for keep, wanted in ((1, image), (0, baseline)):
        request = next(explainer.explain(inputs_of(image, baseline), draws(keep)))
        assert len(request) == (16 if method == "sobol" else 5)
        torch.testing.assert_close(request, wanted.expand_as(request))


@pytest.mark.parametrize(("method", "rows"), {"shap": 50, **EXACT, "tests.custom:Occlusion": 1}.items())
def test_how_many_images_are_asked_for_at_a_time(method, rows):
    """The stage works on as many images at once as fill the forwards by it."""
    assert build(explainer_settings(method=method, baseline="zeros", **BUDGETS[method])).rows == rows


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("method", BUDGETS)
def test_every_method_with_every_baseline(method, kind, image):
    settings = explainer_settings(method=method, baseline=kind, **BUDGETS[method])
    baseline = fill(
        settings.baseline,
        image,
        quadrants(),
        UNIT,
        adversarial=image - 0.7,
        generator=np.random.default_rng(0),
        counterpart=image - 0.7,
    )
    assert baseline.shape == image.shape and baseline.dtype == torch.float32
    detector = reads_segment(6)
    explanation, cost = drive_one(build(settings).explain(inputs_of(image, baseline)), detector)
    assert explanation.map.shape == (SIZE, SIZE) and explanation.map.dtype == np.float32
    assert np.isfinite(explanation.map).all()
    assert explanation.scores.shape == (16,)
    assert explanation.ranking.dtype == np.int16
    assert len(set(explanation.ranking)) == len(explanation.ranking) <= 16
    assert list(explanation.scores[explanation.ranking]) == sorted(explanation.scores[explanation.ranking])[::-1]
    assert cost.images == detector.images
    assert cost.images == EXACT.get(method, cost.images)
    # A filling that differs much from the image shows where the detector looks; segment_mean and blur keep the mean.
    if kind in ("zeros", "adversarial", "counterpart"):
        assert explanation.ranking[0] == 6


@pytest.mark.parametrize("method", BUDGETS)
def test_neighbours_don_t_matter(method, image):
    """The same numbers, bit for bit, alone and together with five others."""
    settings = explainer_settings(method=method, baseline="zeros", **BUDGETS[method])
    baseline = torch.full_like(image, -0.3)
    alone, alone_cost = drive_one(build(settings).explain(inputs_of(image, baseline)), reads_segment(6))
    others = [image * scale for scale in (0.9, 0.8, 1.0, 0.7, 0.6)]
    explainer = build(settings)
    work = [(index, explainer.explain(inputs_of(other, baseline))) for index, other in enumerate(others)]
    together = {name: (result, cost) for name, result, cost in run(work, reads_segment(6), at_once=3)}
    assert len(together) == 5
    result, cost = together[2]
    np.testing.assert_array_equal(result.map, alone.map)
    np.testing.assert_array_equal(result.ranking, alone.ranking)
    assert (cost.images, cost.calls) == (alone_cost.images, alone_cost.calls)


@pytest.mark.parametrize("check", white_checks.EVERY, ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", BUDGETS)
def test_what_every_explainer_keeps_in_the_stage(method, check, tmp_path):
    check({"method": method, "baseline": "zeros", **BUDGETS[method], **SMALL.get(method, {})}, tmp_path)


@pytest.mark.parametrize("method", BUDGETS)
def test_the_seed_decides(method, image):
    """Of a detector that reads all segments: to what only one is read of, any coalitions give the same values."""
    settings = explainer_settings(method=method, baseline="zeros", **BUDGETS[method])
    baseline, detector = torch.full_like(image, -0.3), linear_detector(torch.full_like(image, 0.001))
    maps = [
        drive_one(build(settings).explain(inputs_of(image, baseline, seed=seed)), detector)[0].map for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (np.abs(maps[0] - maps[2]).max() > 1e-4) == (method in ("lime", "rise", "kernel_shap"))


@pytest.mark.parametrize("method", BUDGETS)
def test_the_map_s_zero_parts_what_speaks_for_the_class_from_what_speaks_against(method, image):
    """Segment 6 makes the image fake, segment 9 makes it less so, the others do nothing."""
    weight = (torch.from_numpy(quadrants() == 6).float() - 0.5 * torch.from_numpy(quadrants() == 9).float()) * 6 / 192
    detector = linear_detector(weight.expand(3, SIZE, SIZE).contiguous())
    explainer = build(explainer_settings(method=method, baseline="zeros", **BUDGETS[method]))
    explanation, _ = drive_one(explainer.explain(inputs_of(image, torch.zeros_like(image))), detector)
    if method not in ("lime", "shap", "occlusion", "kernel_shap"):
        assert np.isnan(explanation.zero)  # sensitivities have no sign, and RISE's map no zero
        return
    effects = np.array([(explanation.map - explanation.zero)[quadrants() == label].mean() for label in range(16)])
    assert effects[6] > 0 > effects[9]
    others = np.abs(np.delete(effects, [6, 9]))
    assert others.max() < 0.25 * min(effects[6], -effects[9])
