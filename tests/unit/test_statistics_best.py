"""Which rows may be the best, and how many clusters a test takes."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct, t

from advxai.statistics import best_group, power
from advxai.statistics.best import differing, pairs_of, statistics
from advxai.statistics.needed import needed
from advxai.statistics.sums import Sums, sums

NAN = float("nan")
CLUSTERS = np.repeat([f"c{number:03}" for number in range(70)], 4)


def drawn(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(**means: float) -> pd.DataFrame:
    """Rows with these means and a standard error of about .06."""
    generator = drawn(4)
    return pd.DataFrame({name: mean + generator.normal(size=280) for name, mean in means.items()})


def test_a_clear_winner_a_tie_and_the_other_direction():
    values = table(a=0.0, b=1.0, c=1.05, d=-1.0)
    assert best_group(values, CLUSTERS, "higher", drawn()) == {"b", "c"}
    assert best_group(values, CLUSTERS, "lower", drawn()) == {"d"}
    assert best_group(table(a=0.0, b=1.0), CLUSTERS, "higher", drawn()) == {"b"}
    assert best_group(-values, CLUSTERS, "lower", drawn()) == {"b", "c"}


def test_rows_are_compared_image_by_image():
    """What all rows have in common, as an image that is easy, doesn't hide a small difference."""
    easy = 10 * drawn(1).normal(size=280)
    values = pd.DataFrame({"a": easy, "b": easy + 0.1 * drawn(2).normal(size=280), "c": easy - 0.1})
    assert best_group(values, CLUSTERS, "higher", drawn()) == {"a", "b"}


def test_one_row_is_the_best_and_equal_ones_all_are():
    values = table(a=0.0)
    assert best_group(values, CLUSTERS, "higher", drawn()) == {"a"}
    assert best_group(values.assign(b=values["a"], c=values["a"] - 1), CLUSTERS, "higher", drawn()) == {"a", "b"}
    rounded = pd.DataFrame({"a": np.full(280, 0.1 + 0.2), "b": np.full(280, 0.3)})
    assert best_group(rounded, CLUSTERS, "higher", drawn()) == {"a", "b"}
    constant = pd.DataFrame({"a": np.full(280, 0.1), "b": np.full(280, 0.1), "c": np.full(280, 0.2)})
    assert best_group(constant, CLUSTERS, "higher", drawn()) == {"c"}
    assert best_group(constant, CLUSTERS, "lower", drawn()) == {"a", "b"}


def test_only_images_that_all_rows_have_count_and_only_rows_with_a_value():
    values = table(a=0.0, b=1.0, c=1.0).assign(empty=NAN)
    values.loc[:99, "a"], values.loc[:99, "b"] = NAN, -50  # b is only low where a is missing
    assert best_group(values, CLUSTERS, "higher", drawn()) == {"b", "c"}
    few = values.assign(a=np.where(np.arange(280) < 19 * 4, values["c"], NAN))
    assert best_group(few, CLUSTERS, "higher", drawn()) == set()


def test_nothing_is_told_from_anything_without_images_rows_or_clusters():
    values = table(a=0.0, b=9.0)
    assert best_group(values.iloc[:0], [], "higher", drawn()) == set()
    assert best_group(values[[]], CLUSTERS, "higher", drawn()) == set()
    assert best_group(values * NAN, CLUSTERS, "higher", drawn()) == set()
    assert best_group(values.iloc[:76], CLUSTERS[:76], "higher", drawn()) == set()  # 19
    assert best_group(values.iloc[:80], CLUSTERS[:80], "higher", drawn()) == {"b"}
    with pytest.raises(ValueError, match="says not what is best"):
        best_group(values, CLUSTERS, None, drawn())


def test_the_order_of_images_and_of_rows_changes_nothing():
    values, order = table(a=0.0, b=0.1, c=0.2, d=0.25, e=0.3), drawn(1).permutation(280)
    found = best_group(values, CLUSTERS, "higher", drawn(2))
    assert best_group(values.iloc[order, ::-1], CLUSTERS[order], "higher", drawn(2)) == found and 1 < len(found) < 5


def test_the_wild_bootstrap_by_loops():
    values, clusters = drawn(3).normal(size=(9, 3)), np.repeat([0, 1, 2, 3], [3, 1, 2, 3])
    found, pairs = pairs_of(sums(values, clusters))
    assert pairs.tolist() == [list(pair) for pair in combinations(range(3), 2)]
    signs = np.array([[1, -1, 1, 1], [-1, -1, 1, 1.0]])
    for column, (one, other) in enumerate(pairs):
        single = sums(values[:, one] - values[:, other], clusters)
        assert found.totals[:, column] == pytest.approx(single.totals)
        for row, sign in enumerate(signs):  # the same by the definition of mean and error, of turned residuals
            turned = Sums(single.names, sign * single.residuals, single.counts)
            assert statistics(found, signs)[row, column] == pytest.approx(abs(turned.mean) / turned.error)


def test_what_is_rejected_makes_it_easier_for_the_rest():
    """One comparison that is surely real steps out, and the limit of the other falls: the max-T is stepped down."""
    generator = drawn(0)
    noise = generator.normal(size=(40, 30))
    noise -= noise.mean(0)
    noise /= noise.std(0, ddof=1) / 40**0.5  # means 0 with a standard error of 1
    found = Sums(np.arange(40), noise + np.array([50] * 29 + [2.6]), np.ones(40))
    assert found.error == pytest.approx(np.ones(30))
    assert differing(found, 999, drawn()).all()  # 2.6 alone is significant, beside 29 others it wasn't
    last = Sums(np.arange(40), noise + np.array([0] * 29 + [2.6]), np.ones(40))
    assert not differing(last, 999, drawn()).any()


def test_copies_of_random_are_rarely_told_from_the_best():
    """Twenty rows: family-wise over all pairs at most .08 of 200 tables (.03 to .07 of many more)."""
    generator, wrong = drawn(27), 0
    for _ in range(200):
        clusters = np.repeat(np.arange(70), generator.integers(5, 16, 70))
        own = (generator.normal(size=(70, 1)) + 0.7 * generator.normal(size=(70, 20)))[clusters]
        values = pd.DataFrame(own + generator.normal(size=own.shape), columns=[f"random_{i}" for i in range(20)])
        wrong += len(best_group(values, clusters, "higher", generator, resamples=399)) < 20
    assert wrong <= 0.08 * 200


@pytest.mark.parametrize("effect", [0.1, 0.35, 0.55])
@pytest.mark.parametrize("alpha", [0.05, 0.0125])
def test_needed_clusters_give_the_power(effect, alpha):
    """By the noncentral t distribution."""
    count = needed(effect, alpha)
    reached = nct.sf(t.ppf(1 - alpha / 2, count - 1), count - 1, effect * math.sqrt(count))
    assert count == int(count) and reached == pytest.approx(0.8, abs=0.012)


def test_needed_at_the_ends():
    """(1.960 + .842)^2 = 7.849 over the squared effect, where Student's quantiles are the normal ones."""
    assert needed(0.01, 0.05) == pytest.approx(78490, rel=1e-3)
    assert needed(5, 0.05) == needed(math.inf, 0.05) == 20
    assert needed(0, 0.05) == needed(-1, 0.05) == math.inf


def test_power_by_hand():
    """Clusters of 1 +- s: 70 have mean 1 and, with s^2 = 69 / 70 * 64, a standard error of 8 / sqrt(70). The 50 %
    interval is t(.75, 69) = .678 errors to each side."""
    values = 1 + 8 * math.sqrt(69 / 70) * np.tile([-1, 1], 35)
    clusters = np.arange(70)
    away = t.ppf(0.75, 69) * 8 / math.sqrt(70)
    assert away == pytest.approx(0.6483, abs=1e-4)
    low, high = power(values, clusters, 0.0125)
    assert (low, high) == (needed((1 + away) / 8, 0.0125), needed((1 - away) / 8, 0.0125))
    assert low < needed(1 / 8, 0.0125) < high and low > 250
    assert power(-values, clusters, 0.0125) == (low, high) and power(values, clusters, 0.05)[0] < low


def test_power_says_infinitely_many_and_nothing():
    clusters = np.arange(20)
    low, high = power(np.tile([-1.0, 1.0], 10), clusters, 0.05)
    assert math.isfinite(low) and high == math.inf
    assert power(np.zeros(20), clusters, 0.05) == (math.inf, math.inf)
    assert power(np.ones(20), clusters, 0.05) == (20, 20)
    assert np.isnan(power(np.ones(19), clusters[:19], 0.05)).all() and np.isnan(power([], [], 0.05)).all()
    assert np.isnan(power([NAN, *np.ones(19)], clusters, 0.05)).all()


def test_power_s_range_holds_the_number_as_often_as_not():
    generator, held = drawn(3), 0
    for _ in range(400):
        clusters = np.repeat(np.arange(70), 5)
        values = 0.3 + generator.normal(size=70)[clusters] * 0.8 + generator.normal(size=350) * 0.6 * 5**0.5
        low, high = power(values, clusters, 0.0125)
        held += low <= needed(0.3, 0.0125) <= high
    assert 0.43 <= held / 400 <= 0.57
