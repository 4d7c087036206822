"""Paired tests, Holm and Kendall by hand and beside scipy's; copies of one row are rarely found to differ."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import permutation_test

from advxai.statistics import LEAST, Test, holm, kendall, mean, paired
from advxai.statistics.compare import exchanged
from advxai.statistics.intervals import ends
from advxai.statistics.sums import sums

NAN = float("nan")


def names(*sizes: int) -> np.ndarray:
    return np.repeat([f"c{number:03}" for number in range(len(sizes))], sizes)


def drawn(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("totals", "p"),
    [
        ([1, 2, 4], 2 / 8),  # of eight sums from -7 to 7 one is as large as 7
        ([1, 2, -4], 6 / 8),  # -1: of the odd numbers from -7 to 7 -7, -5, -3 and -1 aren't larger, twice that is 1
        ([5, 5, 5, 5, 0], 2 / 16),
        ([1, -1], 1),
        ([0, 0, 0], 1),
        ([0.1, 0.2, -0.3], 1),  # 0, though .1 + .2 - .3 is not to a computer
    ],
)
def test_p_by_hand(totals, p):
    every = np.array(list(product([-1, 1], repeat=len(totals)))) @ np.array(totals)
    observed = np.sum(totals)
    exact = min(1, 2 * min((every <= observed + 1e-9).mean(), (every >= observed - 1e-9).mean()))
    assert exact == pytest.approx(1 if totals == [1, 2, -4] else p)
    assert exchanged(np.array(totals, dtype=float), drawn()) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_p_is_scipy_s(seed):
    """All 2^12 exchanges of scipy beside 9,999 of them."""
    totals = drawn(seed).normal(0.3, size=12)
    exact = permutation_test((totals,), np.sum, permutation_type="samples", n_resamples=2**12)
    assert exchanged(totals, drawn(9)) == pytest.approx(exact.pvalue, abs=0.015)


def test_a_difference_that_is_always_there():
    """No exchange but none and all is as large; the interval has no spread to go by."""
    found = paired([0.5] * 60, [0.25] * 60, names(*[3] * 20), drawn())
    assert found == Test(0.25, 0.25, 0.25, 2 / 10000, 60, 20)
    assert paired([0.3] * 60, [0.3] * 60, names(*[3] * 20), drawn()) == Test(0, 0, 0, 1, 60, 20)


def test_what_was_only_rounded_otherwise_is_alike():
    """.1 + .2 is .3 and a bit."""
    assert paired([0.1 + 0.2] * 60, [0.3] * 60, names(*[3] * 20), drawn()) == Test(0, 0, 0, 1, 60, 20)


def test_rows_are_compared_on_the_images_that_both_have():
    a, b = drawn(1).random((2, 90))
    a[:3], b[3:6] = NAN, NAN
    found = paired(a, b, names(*[3] * 30), drawn(2))
    assert found == paired(a[6:], b[6:], names(*[3] * 30)[6:], drawn(2))
    assert (found.n, found.clusters) == (84, 28) and found.difference == pytest.approx(a[6:].mean() - b[6:].mean())


def test_the_other_way_round_is_the_negative():
    a, b = drawn(1).random((2, 90))
    one, other = (paired(*rows, names(*[3] * 30), drawn(2)) for rows in ((a, b), (b, a)))
    assert (other.difference, other.low, other.high) == pytest.approx((-one.difference, -one.high, -one.low))
    assert other.p == pytest.approx(one.p, abs=0.02)


def test_the_interval_is_symmetric():
    a, b = drawn(1).exponential(size=(2, 90))
    found = paired(a, b, names(*[3] * 30), drawn(2))
    assert found.high - found.difference == pytest.approx(found.difference - found.low)
    assert (
        ends(sums(a, names(*[3] * 30)), drawn(2))[:2] != ends(sums(a, names(*[3] * 30)), drawn(2), symmetric=True)[:2]
    )


@pytest.mark.parametrize("clusters", [0, 1, 3, LEAST - 1])
def test_too_few_clusters_have_a_difference_and_no_test(clusters):
    found = paired([0.75] * 2 * clusters, [0.5] * 2 * clusters, names(*[2] * clusters), drawn())
    assert found.difference == pytest.approx(0.25 if clusters else NAN, nan_ok=True)
    assert np.isnan([found.low, found.high, found.p]).all() and (found.n, found.clusters) == (2 * clusters, clusters)


def test_values_that_are_no_pairs_are_refused():
    for compare in (kendall, lambda a, b: paired(a, b, ["x"] * 2, drawn())):
        with pytest.raises(ValueError, match="2 and 3 values, which are no pairs"):
            compare([1, 2], [1, 2, 3])


def test_the_order_of_the_images_changes_no_bit():
    a, b = drawn().exponential(size=(2, 400))
    clusters, order = names(*range(1, 26), 75), drawn(1).permutation(400)
    assert paired(a, b, clusters, drawn(2)) == paired(a[order], b[order], clusters[order], drawn(2))


def test_another_generator_draws_others():
    a, b = drawn().normal(size=(2, 200))
    assert paired(a, b, names(*[8] * 25), drawn(2)) != paired(a, b, names(*[8] * 25), drawn(3))


def test_holm_by_hand():
    """Sorted .005, .01, .03, .04: times 4, 3, 2, 1 is .02, .03, .06, .04, which may not fall."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, NAN, 0.04]) == pytest.approx([0.02, NAN, 0.04], nan_ok=True)
    assert holm([0.6, 0.9]).tolist() == [1, 1] and holm([0.02, 0.02]).tolist() == [0.04, 0.04]
    assert holm([]).tolist() == [] and np.isnan(holm([NAN])).all() and holm([0.2]).tolist() == [0.2]


def test_kendall_by_hand():
    """Of six pairs of 1 2 3 4 against 1 3 2 4 one is the other way round: (5 - 1) / 6."""
    assert kendall([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)
    assert kendall([1, 2, 3], [3, 2, 1]) == -1
    # a tie in one: two of three pairs count, over sqrt(3 * 2)
    assert kendall([1, 2, 3], [1, 1, 2]) == pytest.approx(2 / 6**0.5)
    assert kendall([1, NAN, 2, 3], [5, 6, NAN, 7]) == 1
    for a, b in (([], []), ([1], [2]), ([1, NAN], [1, 2]), ([1, 1, 1], [1, 2, 3])):
        assert np.isnan(kendall(a, b))


def test_four_pairs_of_copies_of_random_are_rarely_told_apart():
    """Family-wise over four tests by Holm: at most .08 of 200 tables (.04 to .06 of many more). Images of a cluster
    are alike, for all rows and for each row; one test without Holm finds a difference once in twenty tables."""
    generator, wrong, alone, missed = drawn(25), 0, 0, 0
    for _ in range(200):
        clusters = np.repeat(np.arange(70), generator.integers(5, 16, 70))
        own = (1.0 * generator.normal(size=(70, 1)) + 0.7 * generator.normal(size=(70, 8)))[clusters]
        rows = np.exp(0.5 * (own + generator.normal(size=own.shape))).T
        tests = [paired(rows[i], rows[i + 4], clusters, generator, resamples=199, permutations=999) for i in range(4)]
        wrong += bool((holm([test.p for test in tests]) <= 0.05).any())
        alone += sum(test.p <= 0.05 for test in tests)
        missed += sum(not test.low <= 0 <= test.high for test in tests)
    assert wrong <= 0.08 * 200
    assert 0.03 * 800 <= alone <= 0.07 * 800 and 0.03 * 800 <= missed <= 0.07 * 800


def test_a_test_that_took_images_for_independent_would_often_be_wrong():
    """What clusters are for: the same copies, with a cluster an image."""
    generator, wrong = drawn(26), 0
    for _ in range(100):
        clusters = np.repeat(np.arange(70), 10)
        rows = generator.normal(size=(2, 70))[:, clusters] + generator.normal(size=(2, 700))
        wrong += paired(*rows, np.arange(700), generator, resamples=99, permutations=199).p <= 0.05
    assert wrong >= 25


def test_the_mean_of_differences_has_the_test_s_value():
    a, b = drawn(1).random((2, 90))
    assert paired(a, b, names(*[3] * 30), drawn()).difference == mean(a - b, names(*[3] * 30), drawn()).value
