"""Occlusion: cells and windows, the map by hand, what is asked."""

import numpy as np
import pytest
import torch
from torch import Tensor

from advxai.common.errors import InputError
from advxai.saliency import Inputs, build
from advxai.saliency.occlusion import Occlusion, lines, lost
from tests.helpers import SIZE, asked, drive_one, explainer_settings, inputs_of, linear_detector


def row(**entry: object) -> Occlusion:
    return build(explainer_settings(method="occlusion", baseline="zeros", **entry))


def mean_of(images: Tensor) -> Tensor:
    """What stands for probabilities: the mean of all values, and less it."""
    mean = images.mean(dim=(1, 2, 3))
    return torch.stack([-mean, mean], dim=1)


@pytest.mark.parametrize(("side", "grid"), [(32, 4), (112, 28), (10, 3), (7, 5), (5, 2), (4, 8)])
def test_each_pixel_lies_in_one_cell_and_cells_differ_by_a_pixel(side, grid):
    """Cells are windows of one."""
    found = lines(side, grid, 1)
    assert found.shape == (grid, side) and (found.sum(axis=0) == 1).all()
    assert (np.diff(found.argmax(axis=0)) >= 0).all()
    assert np.ptp(found.sum(axis=1)) <= 1


def test_windows_by_hand():
    assert lines(10, 3, 1).argmax(axis=0).tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert lines(6, 3, 2).tolist() == [[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]]
    assert lines(4, 4, 3).tolist() == [[1, 1, 1, 0], [0, 1, 1, 1]]
    for side, grid, window in ((224, 14, 2), (112, 28, 4), (33, 8, 5)):
        found = lines(side, grid, window)
        assert len(found) == grid - window + 1 and found.any(axis=0).all()
        cells = lines(side, grid, 1)
        assert np.array_equal(found, [cells[place : place + window].sum(axis=0) for place in range(len(found))])


def test_the_mean_over_the_windows_that_cover_a_pixel():
    """Two places a side, of three pixels, each two wide: the pixel in the middle lies in all four windows."""
    line = np.array([[1, 1, 0], [0, 1, 1]], np.float32)
    found = lost(0.9, np.array([[0.4, 0.7], [0.9, 1.0]]), line, line)
    np.testing.assert_allclose(found, [[0.5, 0.35, 0.2], [0.25, 0.15, 0.05], [0.0, -0.05, -0.1]], atol=1e-12)


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
    explanation, requests = asked(row(grid=3, window=2).explain(inputs), predict)
    seen = torch.cat(requests)
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
    explanation, _ = asked(row(grid=4, window=1).explain(inputs_of(image, image * 0)), mean_of)
    np.testing.assert_allclose(explanation.map, image[0].numpy() / 16, atol=1e-6)
    other, _ = asked(row(grid=4, window=1).explain(inputs_of(image, image * 0, target=0)), mean_of)
    np.testing.assert_allclose(other.map, -explanation.map, atol=1e-6)


def test_a_grid_finer_than_the_pixels():
    """Windows without a pixel ask for the image; every pixel still lies in windows that hide it."""
    image = torch.rand((3, 4, 4), generator=torch.Generator().manual_seed(0))
    inputs = Inputs("a", image, image * 0, np.zeros((4, 4), np.int16), 1, np.random.default_rng(0), 64)
    explanation, requests = asked(row(grid=8, window=1).explain(inputs), mean_of)
    seen = torch.cat(requests)
    assert len(seen) == 65 and sum(torch.equal(one, image) for one in seen) == 1 + 64 - 16
    np.testing.assert_allclose(explanation.map, image.sum(dim=0) / 48, atol=1e-6)


@pytest.mark.parametrize(("entry", "grid"), [({"grid": 6, "window": 6}, 6), ({"grid": 3}, 3)])
def test_a_window_that_hides_everything_is_refused(entry, grid):
    with pytest.raises(InputError, match=rf"explainers\.Row.* hides the whole of a grid of {grid}: make it smaller"):
        row(**entry)


def test_the_finest_grid_holds_no_more_than_a_request():
    """65,025 windows of 65,536 cells, which as one table would be 17 GB."""
    image = torch.ones(3, SIZE, SIZE)
    request = next(row(grid=256, window=2).explain(inputs_of(image, image * 0)))
    assert request.shape == (16, 3, SIZE, SIZE) and torch.equal(request[0], image)


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
