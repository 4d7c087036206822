"""Kernel SHAP: Shapley values by permutations, coalitions and their weights, what is asked, and images of any shape."""

from collections.abc import Callable
from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import Tensor

from advxai.saliency import Inputs, build
from advxai.saliency.kernel_shap import KernelShap, default_design, kernel, of_size, shapley
from tests.helpers import SIZE, asked, drive_one, explainer_settings, inputs_of, linear_detector, quadrants

Game = Callable[[np.ndarray], np.ndarray]


def table(segments: int, seed: int = 0) -> Game:
    """A game of which every coalition's worth is drawn by itself: all that segments can do together."""
    worths = np.random.default_rng(seed).normal(size=2**segments)
    return lambda coalitions: worths[coalitions.astype(int) @ 2 ** np.arange(segments)]


def by_permutations(game: Game, segments: int) -> np.ndarray:
    """What each segment adds to those before it, on average over all orders."""
    added = np.zeros(segments)
    orders = list(permutations(range(segments)))
    for order in orders:
        coalition = np.zeros((1, segments), bool)
        before = game(coalition)[0]
        for one in order:
            coalition[0, one] = True
            after = game(coalition)[0]
            added[one] += after - before
            before = after
    return added / len(orders)


def fitted(game: Game, samples: int, segments: int, seed: int = 0) -> np.ndarray:
    coalitions, weights = default_design(samples, segments, np.random.default_rng(seed))
    nothing, everything = game(np.repeat([[False], [True]], segments, axis=1))
    return shapley(coalitions, game(coalitions), weights, nothing, everything)


@pytest.mark.parametrize("segments", range(1, 7))
def test_all_coalitions_give_the_shapley_values(segments):
    game = table(segments)
    np.testing.assert_allclose(fitted(game, 100, segments), by_permutations(game, segments), rtol=0, atol=1e-12)


def test_two_segments_by_hand():
    """Worths 1 (none), 2 (first), 5 (second), 10 (both): (1 + 5) / 2 and (4 + 8) / 2."""
    coalitions, weights = np.array([[1, 0], [0, 1]]), np.array([0.5, 0.5])
    np.testing.assert_allclose(shapley(coalitions, np.array([2.0, 5.0]), weights, 1.0, 10.0), [3, 6])


def test_the_kernel_by_hand():
    """Four segments: 1 / (s (4 - s)) is 1/3, 1/4 and 1/3."""
    np.testing.assert_allclose(kernel(4), [4 / 11, 3 / 11, 4 / 11])


def test_all_of_a_size():
    assert of_size(2, 4).astype(int).tolist() == [
        [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1], [0, 0, 1, 1],
    ]  # fmt: skip


@pytest.mark.parametrize("segments", [1, 2, 3, 4, 5, 9, 50, 300])
@pytest.mark.parametrize("samples", [4, 7, 100, 1000])
def test_coalitions_are_different_and_in_pairs(samples, segments):
    coalitions, weights = default_design(samples, segments, np.random.default_rng(1))
    assert coalitions.dtype == bool and weights.dtype == np.float64
    assert coalitions.shape == (len(weights), segments)
    assert len(coalitions) == min(samples // 2 * 2, 2**segments - 2)
    kept = coalitions.sum(axis=1)
    assert ((kept > 0) & (kept < segments)).all() and (weights > 0).all()
    weight_of = {tuple(row): weight for row, weight in zip(coalitions.tolist(), weights, strict=True)}
    assert len(weight_of) == len(coalitions)
    for row, weight in weight_of.items():
        assert weight_of[tuple(not one for one in row)] == weight
    if segments > 1:
        assert weights.sum() == pytest.approx(1)


def test_outer_sizes_are_taken_whole_while_as_many_would_be_drawn():
    """Of 50 segments the sizes 1 and 49 have .228 of the weight and 100 coalitions: from 439 on they are taken whole,
    and the sizes 2 and 48 at 1,000 not yet, which have .15 of the rest for 2,450."""
    shares = []
    for samples in (436, 440, 1000):
        coalitions, weights = default_design(samples, 50, np.random.default_rng(0))
        outer = np.isin(coalitions.sum(axis=1), (1, 49))
        shares.append((outer.sum(), weights[outer].sum()))
        assert np.isin(coalitions.sum(axis=1), (2, 48)).sum() < 300
    assert shares[0][0] < 100 and shares[1][0] == shares[2][0] == 100
    assert shares[1][1] == shares[2][1] == pytest.approx(kernel(50)[[0, -1]].sum())


def test_what_comes_up_twice_counts_twice():
    """Of six segments' 62 coalitions all but those of three are taken whole at 60, and 9 of their 10 pairs drawn."""
    coalitions, weights = default_design(60, 6, np.random.default_rng(0))
    middle = coalitions.sum(axis=1) == 3
    assert middle.sum() == 18
    times = weights[middle] / weights[middle].min()
    np.testing.assert_allclose(times, times.round())
    assert times.max() > 1
    assert weights[middle].sum() == pytest.approx(kernel(6)[2])


def test_drawn_coalitions_come_up_by_their_weight():
    """Each size as its weight in the kernel says, and every segment as often as the others."""
    masses = np.zeros(11)
    alone = np.zeros(12)
    for seed in range(200):
        coalitions, weights = default_design(20, 12, np.random.default_rng(seed))
        masses += np.bincount(coalitions.sum(axis=1), weights, minlength=12)[1:]
        alone += weights @ coalitions
    np.testing.assert_allclose(masses / 200, kernel(12), atol=0.01)
    np.testing.assert_allclose(alone / 200, 0.5, atol=0.02)


def test_few_coalitions_estimate_the_same_values():
    """The mean of many seeds' estimates comes to the Shapley values, and more coalitions are nearer to them."""
    game = table(8)
    exact = by_subsets(game, 8)
    single, mean = [], []
    for samples in (90, 180):
        found = np.array([fitted(game, samples, 8, seed) for seed in range(200)])
        single.append(np.sqrt(((found - exact) ** 2).mean()))
        mean.append(np.sqrt(((found.mean(axis=0) - exact) ** 2).mean()))
    assert single[1] < 0.6 * single[0] < 0.2  # the values reach .5
    assert mean[0] < 0.03 and mean[1] < 0.015


def by_subsets(game: Game, segments: int) -> np.ndarray:
    """Shapley values by their formula over all coalitions."""
    whole = np.array(list(product([False, True], repeat=segments)))
    sizes = whole.sum(axis=1)
    factorial = np.cumprod([1, *range(1, segments + 1)])
    values = []
    for one in range(segments):
        without = whole[~whole[:, one]]
        joined = without.copy()
        joined[:, one] = True
        size = sizes[~whole[:, one]]
        weight = factorial[size] * factorial[segments - size - 1] / factorial[segments]
        values.append(weight @ (game(joined) - game(without)))
    return np.array(values)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("segments", [1, 2, 3, 20, 60])
def test_too_few_coalitions_have_an_answer_too(segments, seed):
    """Its sum holds, and it is as near to equal shares as the coalitions let it be."""
    game = table(min(segments, 12), seed)
    coalitions, weights = default_design(4, segments, np.random.default_rng(seed))
    worths = game(coalitions[:, :12])
    values = shapley(coalitions, worths, weights, -1.0, 2.0)
    assert np.isfinite(values).all() and values.sum() == pytest.approx(3)
    _, same = np.unique(coalitions, axis=1, return_inverse=True)
    for group in set(same.ravel()):  # segments that no coalition tells apart
        np.testing.assert_allclose(values[same.ravel() == group], values[same.ravel() == group][0], atol=1e-9)
    root = np.sqrt(weights)[:, None]
    apart = coalitions - coalitions.mean(axis=1, keepdims=True)
    rest = worths + 1 - 3 * coalitions.mean(axis=1)
    least = 3 / segments + np.linalg.lstsq(root * apart, root[:, 0] * rest, rcond=1e-6)[0]
    np.testing.assert_allclose(values, least, atol=1e-9)


def test_a_coalition_without_weight_says_nothing_and_none_share_equally():
    np.testing.assert_allclose(shapley(np.zeros((0, 3)), np.zeros(0), np.zeros(0), 0.2, 0.8), 0.2)
    np.testing.assert_allclose(
        shapley(np.eye(2), np.array([0.7, 123.0]), np.array([1.0, 0.0]), 0.0, 1.0), [0.7, 0.3], atol=1e-12
    )


def row(**entry: object) -> KernelShap:
    return build(explainer_settings(method="kernel_shap", baseline="zeros", **entry))


def test_the_image_and_the_baseline_are_asked_first():
    image, baseline = (
        torch.rand((3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)),
        torch.zeros(3, SIZE, SIZE),
    )
    _, seen = asked(
        row(samples=41).explain(inputs_of(image, baseline)), lambda request: torch.full((len(request), 2), 0.5)
    )
    assert [len(one) for one in seen] == [16, 16, 10]
    assert torch.equal(seen[0][0], image) and torch.equal(seen[0][1], baseline)
    # every other image is one or the other, segment by segment, and its complement is asked too
    kept = [tuple(bool(one[:, quadrants() == label].all()) for label in range(16)) for one in torch.cat(seen)[2:]]
    assert {tuple(not one for one in row) for row in kept} == set(kept) and len(set(kept)) == 40


def test_a_detector_that_always_says_the_same_has_no_values():
    explanation, cost = drive_one(
        row(samples=40).explain(inputs_of(torch.ones(3, SIZE, SIZE), torch.zeros(3, SIZE, SIZE))),
        linear_detector(torch.zeros(3, SIZE, SIZE)),
    )
    assert not explanation.scores.any() and not explanation.map.any() and explanation.zero == 0
    assert explanation.ranking.tolist() == list(range(16))
    assert cost.images == 42


@pytest.mark.parametrize("samples", [4, 40, 41])
def test_cost(samples):
    """Pairs of coalitions, the image and the baseline; the configuration counts the target's forward too. What the
    values sum up to is what the image adds to the baseline."""
    settings = explainer_settings(method="kernel_shap", baseline="zeros", samples=samples)
    image = torch.ones(3, SIZE, SIZE)
    detector = linear_detector(torch.full((3, SIZE, SIZE), 0.001))
    explanation, cost = drive_one(build(settings).explain(inputs_of(image, image * 0)), detector)
    assert cost.images == settings.forwards - 1 == samples // 2 * 2 + 2
    added = detector.probabilities(torch.stack([image * 0, image]))[:, 1].diff().item()
    assert explanation.scores.sum() == pytest.approx(added, abs=1e-6) and added > 0.1


def test_a_given_design_takes_the_drawn_one_s_place():
    image = torch.ones(3, SIZE, SIZE)
    design = np.eye(16), np.ones(16)
    request = next(row().explain(inputs_of(image, image * 0, chunk=20), design))
    assert [int(one.sum()) // 3 // 64 for one in request] == [16, 0] + [1] * 16


@pytest.mark.parametrize("segments", [1, 2, 3])
def test_images_of_few_segments(segments):
    """Their values are exact: of one that sums up brightness, each segment's share."""
    labels = (np.arange(SIZE) * segments // SIZE)[None].repeat(SIZE, axis=0).astype(np.int16)
    image = torch.rand((3, SIZE, SIZE), generator=torch.Generator().manual_seed(0))
    inputs = inputs_of(image, torch.zeros_like(image))
    given = Inputs(**{**vars(inputs), "segments": labels})
    explanation, seen = asked(row().explain(given), lambda request: request.mean(dim=(1, 2, 3))[:, None].repeat(1, 2))
    assert sum(map(len, seen)) == 2**segments
    shares = [float(image[:, labels == label].sum()) / image.numel() for label in range(segments)]
    np.testing.assert_allclose(explanation.scores, shares, atol=1e-6)


def test_segments_of_a_clip():
    """(T, h, w) segments of a clip (3, T, h, w): the same code, and the values that are known."""
    generator = torch.Generator().manual_seed(0)
    clip = torch.rand((3, 4, 6, 5), generator=generator)
    labels = np.arange(4 * 6 * 5).reshape(4, 6, 5) // 20  # six segments, some over two frames
    effects = torch.tensor([0.1, -0.2, 0.3, 0.0, 0.05, 0.15])
    inputs = Inputs("clip", clip, clip - 1, labels.astype(np.int16), 1, np.random.default_rng(0), 16)

    def predict(clips: Tensor) -> Tensor:
        """Each segment that is kept has its effect; the second and third have .4 more together."""
        kept = torch.stack([(clips == clip)[:, :, labels == label].all(dim=(1, 2)) for label in range(6)], dim=1)
        worth = kept.float() @ effects + 0.4 * (kept[:, 1] & kept[:, 2])
        return torch.stack([-worth, worth], dim=1)

    explanation, seen = asked(row(samples=100).explain(inputs), predict)
    assert {tuple(one.shape[1:]) for one in seen} == {tuple(clip.shape)} and sum(map(len, seen)) == 64
    np.testing.assert_allclose(explanation.scores, [0.1, 0.0, 0.5, 0.0, 0.05, 0.15], atol=1e-6)
    assert explanation.map.shape == labels.shape and explanation.map.dtype == np.float32
    np.testing.assert_array_equal(explanation.map, explanation.scores[labels])
    assert explanation.ranking[:3].tolist() == [2, 5, 0] and len(explanation.ranking) == 6
