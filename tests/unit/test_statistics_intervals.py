"""Sums by cluster, and the intervals of shares and means on them, by hand and beside scipy's."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm, t

from advxai.statistics import LEAST, Interval, mean, share, wilson
from advxai.statistics.intervals import ALL_ALIKE, FEW_DIFFER, STUDENTISED, WILSON, design_effect, studentised
from advxai.statistics.sums import Sums, sums

NAN = float("nan")


def names(*sizes: int) -> np.ndarray:
    """Clusters of these sizes, one after the other."""
    return np.repeat([f"c{number:03}" for number in range(len(sizes))], sizes)


def drawn(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_sums_by_hand():
    found = sums([1, 2, 6, NAN, 5], ["b", "a", "b", "a", "a"])
    assert (found.names.tolist(), found.totals.tolist(), found.counts.tolist()) == (["a", "b"], [7, 7], [2, 2])
    assert (found.n, found.clusters, found.mean, found.residuals.tolist(), found.error) == (4, 2, 3.5, [0, 0], 0)
    # 6 in three images and 10 in two: mean 3.2; 6 - 9.6 = -3.6 and 10 - 6.4 = 3.6; 2 * (2 * 3.6^2) = 51.84, over 5
    other = sums([1, 2, 3, 4, 6], ["a", "a", "a", "b", "b"])
    assert other.residuals.tolist() == pytest.approx([-3.6, 3.6]) and other.error == pytest.approx(51.84**0.5 / 5)


def test_an_image_counts_where_all_columns_have_it():
    found = sums([[1, 10], [2, NAN], [3, 30]], ["a", "a", "b"])
    assert found.totals.tolist() == [[1, 10], [3, 30]] and found.counts.tolist() == [1, 1]
    assert found.mean.tolist() == [2, 20] and found.error.tolist() == pytest.approx([1, 10])


def test_values_that_are_alike_have_no_residuals():
    """Three times .1 is no .3 to a computer."""
    found = sums(np.full(20, 0.1), names(3, 1, 6, 10))
    assert found.residuals.tolist() == [0, 0, 0, 0] and found.error == 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="3 images and 2 clusters"):
        sums([1, 2, 3], ["a", "b"])
    with pytest.raises(ValueError, match="infinite"):
        sums([1, np.inf], ["a", "b"])
    with pytest.raises(ValueError, match="no cluster"):
        sums([1, 2], ["a", None])
    assert sums([1, NAN], ["a", None]).n == 1  # an image that is left out needs none
    with pytest.raises(ValueError, match=r"isn't in \[0, 1\]"):
        share([0, 1.5], ["a", "b"])


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 7), (7, 10), (10, 10), (123, 1270)])
def test_wilson_is_scipy_s(right, n):
    for level in (0.95, 0.8):
        expected = binomtest(right, n).proportion_ci(level, method="wilson")
        found = wilson(np.array([right / n]), np.array([n]), norm.ppf((1 + level) / 2))
        assert [end.item() for end in found] == pytest.approx([expected.low, expected.high], abs=1e-12)


def test_with_one_image_a_cluster_the_share_s_interval_is_scipy_s():
    """Then the design effect is 1; Student's quantile is the normal one of a higher level."""
    found = share([1] * 33 + [0] * 7, names(*[1] * 40))
    level = 2 * norm.cdf(t.ppf(0.975, 39)) - 1
    expected = binomtest(33, 40).proportion_ci(level, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (found.value, found.n, found.clusters, found.method) == (0.825, 40, 40, WILSON)


def test_design_effect_by_hand():
    """Ten clusters of two right images, ten of two wrong ones: residuals 1 and -1, error 20 / 19 * 20 / 40^2; 39 of it
    over 1/4 is 39 / 19; ten clusters have the rarer outcome, the worst case is 2 images a cluster."""
    values = np.repeat([1, 0], 20)
    effect = (10 * 39 / 19 + 2) / 11
    assert design_effect(sums(values, names(*[2] * 20))) == pytest.approx(effect)
    found = share(values, names(*[2] * 20))
    expected = wilson(0.5, 40 / effect, t.ppf(0.975, 19))
    assert (found.low, found.high) == pytest.approx(tuple(map(float, expected)))


@pytest.mark.parametrize("right", [0, 1])
def test_a_share_of_all_or_none_counts_clusters(right):
    found = share([right] * 300, names(*[10] * 30))
    assert (found.value, found.low, found.high) == pytest.approx(
        (right, *map(float, wilson(right, 30, t.ppf(0.975, 29))))
    )
    # of unequal sizes as many as Kish's effective number: 60^2 / (20 * 1 + 20 * 2^2)
    assert design_effect(sums([right] * 60, names(*[1, 2] * 20))) == pytest.approx(60 * 100 / 60**2)


def test_a_rare_outcome_says_little_of_the_design_effect():
    """One wrong image of 300: as independent images they'd have 1, as copies 10; each has the weight of a cluster."""
    assert design_effect(sums([0] + [1] * 299, names(*[10] * 30))) == pytest.approx((1 + 10) / 2, rel=0.02)
    found = share([0] + [1] * 299, names(*[10] * 30))
    assert found.low < wilson(299 / 300, 100, t.ppf(0.975, 29))[0]  # as of less than a third of the images


def test_images_that_differ_more_within_clusters_count_no_more_than_they_are():
    assert design_effect(sums([0, 1] * 30, names(*[2] * 30))) == pytest.approx((30 * 1 + 2) / 31)


def test_a_share_of_averages_over_draws():
    found = share([0.4, 0.6] * 30, names(*[2] * 30))
    assert found.value == 0.5 and 0.35 < found.low < 0.5 < found.high < 0.65


def test_the_bootstrap_by_loops():
    """The same draws, computed cluster by cluster."""
    values, clusters = np.array([0.3, 0.8, 0.1, 0.9, 0.7, 0.2, 0.5]), names(3, 1, 2, 1)
    found = sums(values, clusters)
    expected = []
    for draw in drawn(5).integers(4, size=(50, 4)):
        totals, counts = found.totals[draw], found.counts[draw]
        average = totals.sum() / counts.sum()
        error = np.sqrt(4 / 3 * ((totals - average * counts) ** 2).sum()) / counts.sum()
        with np.errstate(divide="ignore"):
            expected.append((average - found.mean) / (error if error > 1e-9 else 0))
    assert studentised(found, 50, drawn(5)).tolist() == pytest.approx(sorted(expected), rel=1e-6)


def test_a_mean_s_interval_moves_and_stretches_with_the_values():
    values, clusters = drawn().exponential(size=300), names(*[10] * 30)
    found = mean(values, clusters, drawn(1))
    other = mean(3 * values + 5, clusters, drawn(1))
    assert (other.value, other.low, other.high) == pytest.approx(
        (3 * found.value + 5, 3 * found.low + 5, 3 * found.high + 5)
    )
    mirrored = mean(-values, clusters, drawn(1))
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    assert found.high - found.value > found.value - found.low  # as skewed as the values
    assert (found.n, found.clusters, found.method) == (300, 30, STUDENTISED)


def test_clusters_that_are_all_alike_make_a_point():
    assert mean([0.1] * 60, names(*[3] * 20), drawn()) == Interval(0.1, 0.1, 0.1, 60, 20, ALL_ALIKE)
    assert mean([0, 2] * 20, names(*[2] * 20), drawn()) == Interval(1.0, 1.0, 1.0, 40, 20, ALL_ALIKE)


def test_where_one_cluster_differs_the_error_is_known_from_one():
    """Residuals 29 and 29 times -1, in all 30 * 29 squared; to the fourth 29 * (29^3 + 1): .93 + 1 clusters' worth.
    With one degree of freedom Student's quantile is 12.7, and the error is 1."""
    found = mean([30] + [0] * 29, names(*[1] * 30), drawn())
    assert (found.value, found.method) == (1, FEW_DIFFER)
    assert (found.low, found.high) == pytest.approx((1 - 12.7062, 1 + 12.7062), abs=1e-4)


@pytest.mark.parametrize("values", [[], [NAN], [1.0], [1.0, 0.0, NAN], [1.0] * (LEAST - 1)])
def test_too_few_clusters_have_a_value_and_no_interval(values):
    there = [value for value in values if value == value]
    many = "1 cluster" if len(there) == 1 else f"{len(there)} clusters"
    for found in (share(values, names(*[1] * len(values))), mean(values, names(*[1] * len(values)), drawn())):
        assert found.value == pytest.approx(np.mean(there) if there else NAN, nan_ok=True)
        assert np.isnan([found.low, found.high]).all()
        assert (found.n, found.clusters) == (len(there), len(there))
        assert found.method == f"none: {many}, 20 are needed"


def test_many_images_of_few_clusters_are_few_and_20_clusters_are_enough():
    values = drawn().random(500)
    assert np.isnan(mean(values, names(*[100] * 5), drawn()).low)
    assert mean(values, names(*[25] * 20), drawn()).method == STUDENTISED


def test_missing_values_are_left_out_and_their_clusters_with_them():
    values, clusters = drawn().random(63), names(*[3] * 21)
    values[:3] = NAN
    found = mean(values, clusters, drawn(1))
    assert found == mean(values[3:], clusters[3:], drawn(1)) and (found.n, found.clusters) == (60, 20)
    values[3:6] = NAN
    assert mean(values, clusters, drawn()).method == "none: 19 clusters, 20 are needed"
    assert share(values, clusters).method == "none: 19 clusters, 20 are needed"


def test_the_order_of_the_images_changes_no_bit():
    values, clusters = drawn().exponential(size=400), names(*range(1, 26), 75)
    order = drawn(1).permutation(400)
    assert mean(values, clusters, drawn(2)) == mean(values[order], clusters[order], drawn(2))
    values = values / values.max()
    assert share(values, clusters) == share(values[order], clusters[order])
    table = np.stack([values, values**2], axis=1)
    a, b = sums(table, clusters), sums(table[order], clusters[order])
    assert (a.totals == b.totals).all() and isinstance(a, Sums)
