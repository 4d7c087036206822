"""Occlusion: cells and windows, the map by hand, what is asked."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from advxai.saliency import Explanation, Inputs, build
from advxai.saliency.occlusion import Occlusion, cells, lost, windows
from tests.helpers import SIZE, drive_one, explainer_settings, inputs_of, linear_detector


def row(**entry: object) -> Occlusion:
    return build(explainer_settings(method="occlusion", baseline="zeros", **entry))


def driven(explainer: Occlusion, inputs: Inputs, predict: Callable[[Tensor], Tensor]) -> tuple[Explanation, Tensor]:
    """The explanation, and all images that were asked for."""
    work, seen = explainer.explain(inputs), []
    try:
        request = next(work)
        while True:
            seen.append(request.clone())
            request = work.send(predict(request))
    except StopIteration as end:
        return end.value, torch.cat(seen)


def mean_of(images: Tensor) -> Tensor:
    """What stands for probabilities: the mean of all values, and less it."""
    mean = images.mean(dim=(1, 2, 3))
    return torch.stack([-mean, mean], dim=1)


@pytest.mark.parametrize(("height", "width", "grid"), [(32, 32, 4), (112, 112, 28), (10, 7, 3), (5, 5, 2), (3, 4, 8)])
def test_each_pixel_lies_in_one_cell_and_cells_differ_by_a_pixel(height, width, grid):
    found = cells(height, width, grid)
    assert found.shape == (height, width) and found.min() == 0 and found.max() < grid**2
    rows, columns = np.divmod(found, grid)
    assert (rows == rows[:, :1]).all() and (columns == columns[:1]).all()
    for line, side in ((rows[:, 0], height), (columns[0], width)):
        assert (np.diff(line) >= 0).all()
        sizes = np.bincount(line, minlength=grid)
        assert sizes.sum() == side and np.ptp(sizes) <= 1
    assert cells(10, 10, 3)[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_windows_by_hand():
    assert windows(3, 2).reshape(4, 3, 3)[1].tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 0]]
    for grid, window in ((3, 2), (5, 1), (14, 2), (28, 4)):
        hidden = windows(grid, window)
        assert hidden.shape == ((grid - window + 1) ** 2, grid**2)
        assert (hidden.sum(axis=1) == window**2).all() and (hidden.sum(axis=0) >= 1).all()
        assert len(np.unique(hidden, axis=0)) == len(hidden)


def test_the_mean_over_the_windows_that_cover_a_cell():
    """Two places on a line of three cells, each two wide: the middle cell lies in both."""
    hidden = np.array([[1, 1, 0], [0, 1, 1]], np.float32)
    np.testing.assert_allclose(lost(0.9, np.array([0.4, 0.7]), hidden), [0.5, 0.35, 0.2])


@pytest.mark.parametrize(("height", "width"), [(6, 6), (7, 10)])
def test_the_map_is_what_windows_lose_pixel_by_pixel(height, width):
    """Against a loop over windows of pixels, also where the sides aren't divisible by the grid."""
    generator = torch.Generator().manual_seed(0)
    image, baseline = torch.rand((2, 3, height, width), generator=generator)
    weight = torch.rand((3, height, width), generator=generator)

    def predict(images: Tensor) -> Tensor:
        fake = (images * weight).mean(dim=(1, 2, 3)).sigmoid()
        return torch.stack([1 - fake, fake], dim=1)

    labels = (np.arange(height * width) // 11).reshape(height, width).astype(np.int16)
    inputs = Inputs("a", image, baseline, labels, 1, np.random.default_rng(0), 4)
    explanation, seen = driven(row(grid=3, window=2), inputs, predict)
    total, times = np.zeros((2, height, width))
    edges = [[-(-place * side // 3) for place in range(4)] for side in (height, width)]
    before = float(predict(image[None])[0, 1])
    assert torch.equal(seen[0], image) and len(seen) == 5
    for place, (top, left) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)], start=1):
        part = slice(edges[0][top], edges[0][top + 2]), slice(edges[1][left], edges[1][left + 2])
        filled = image.clone()
        filled[:, *part] = baseline[:, *part]
        assert torch.equal(seen[place], filled)
        total[part] += before - float(predict(filled[None])[0, 1])
        times[part] += 1
    np.testing.assert_allclose(explanation.map, total / times, atol=1e-6)
    assert explanation.map.shape == (height, width) and explanation.map.dtype == np.float32
    assert explanation.zero == 0
    np.testing.assert_allclose(explanation.scores[1], (total / times)[labels == 1].mean(), atol=1e-6)
    assert sorted(explanation.ranking) == list(range(labels.max() + 1))


def test_what_speaks_against_the_class_is_below_zero():
    image = torch.ones(3, SIZE, SIZE)
    image[:, :, SIZE // 2 :] = -1
    explanation, _ = driven(row(grid=4, window=1), inputs_of(image, image * 0), mean_of)
    np.testing.assert_allclose(explanation.map, image[0].numpy() / 16, atol=1e-6)
    other, _ = driven(row(grid=4, window=1), inputs_of(image, image * 0, target=0), mean_of)
    np.testing.assert_allclose(other.map, -explanation.map, atol=1e-6)


def test_a_grid_finer_than_the_pixels():
    """Windows without a pixel ask for the image; every pixel still lies in windows that hide it."""
    image = torch.rand((3, 4, 4), generator=torch.Generator().manual_seed(0))
    inputs = Inputs("a", image, image * 0, np.zeros((4, 4), np.int16), 1, np.random.default_rng(0), 64)
    explanation, seen = driven(row(grid=8, window=1), inputs, mean_of)
    assert len(seen) == 65 and sum(torch.equal(one, image) for one in seen) == 1 + 64 - 16
    np.testing.assert_allclose(explanation.map, image.sum(dim=0) / 48, atol=1e-6)


@pytest.mark.parametrize(("grid", "window"), [(4, 1), (7, 3), (14, 2)])
def test_cost_and_a_detector_that_always_says_the_same(grid, window):
    """The configuration counts the forward that finds the target too."""
    settings = explainer_settings(method="occlusion", baseline="zeros", grid=grid, window=window)
    image = torch.ones(3, SIZE, SIZE)
    explainer = build(settings)
    explanation, cost = drive_one(
        explainer.explain(inputs_of(image, image * 0)), linear_detector(torch.zeros(3, SIZE, SIZE))
    )
    assert cost.images == explainer.rows == settings.forwards - 1 == (grid - window + 1) ** 2 + 1
    assert not explanation.map.any() and not explanation.scores.any()
    assert explanation.ranking.tolist() == list(range(16))
