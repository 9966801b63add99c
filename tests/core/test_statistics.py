import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from surrogate_nas.core.statistics import bootstrap_mean, kendall_tau, spearman

#: Few different values, so that ties are the rule.
tied = hnp.arrays(np.float64, st.integers(2, 25), elements=st.integers(0, 5).map(float))


def naive_tau_b(a, b):
    """(concordant - discordant) / sqrt(pairs untied in a * pairs untied in b), by all pairs."""
    pairs = list(itertools.combinations(range(len(a)), 2))
    products = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs]
    untied_a = sum(a[i] != a[j] for i, j in pairs)
    untied_b = sum(b[i] != b[j] for i, j in pairs)
    return sum(products) / math.sqrt(untied_a * untied_b) if untied_a and untied_b else 0.0


@given(st.data())
def test_kendall_equals_counting_all_pairs(data):
    a = data.draw(tied)
    b = data.draw(hnp.arrays(np.float64, len(a), elements=st.integers(0, 5).map(float)))
    assert kendall_tau(a, b) == pytest.approx(naive_tau_b(a, b), abs=1e-12)


@pytest.mark.parametrize("correlation", [kendall_tau, spearman])
class TestRankCorrelations:
    def test_order_is_all_that_counts(self, correlation, rng):
        y = rng.normal(size=50)
        assert correlation(np.exp(y), y) == pytest.approx(1)
        assert correlation(-(y**3), y) == pytest.approx(-1)

    def test_a_constant_side_predicts_no_order(self, correlation):
        assert correlation(np.ones(5), np.arange(5)) == 0
        assert correlation(np.arange(5), np.ones(5)) == 0

    def test_it_is_symmetric(self, correlation, rng):
        a, b = rng.integers(0, 4, size=(2, 30))
        assert correlation(a, b) == pytest.approx(correlation(b, a))

    def test_lists_and_pairs_are_enough(self, correlation):
        assert correlation([1, 2], [3, 4]) == pytest.approx(1)

    def test_fewer_than_two_values_have_no_order(self, correlation):
        assert correlation([1.0], [2.0]) == 0
        assert correlation([], []) == 0

    def test_an_unknown_value_leaves_no_order(self, correlation):
        assert correlation([1.0, np.nan, 3.0], [1.0, 2.0, 3.0]) == 0


def test_spearman_is_the_correlation_of_ranks():
    # d = (1, 1, 0, 0): 1 - 6 * 2 / (4 * 15)
    assert spearman([1, 2, 3, 4], [2, 1, 3, 4]) == pytest.approx(0.8)


def test_bootstrap_of_a_constant_is_a_point(rng):
    assert bootstrap_mean(np.full(7, 2.5), rng) == (2.5, 2.5, 2.5)


@pytest.mark.parametrize(("level", "low", "high"), [(0.95, 0.2, 0.8), (0.5, 0.4, 0.6)])
def test_bootstrap_of_a_fair_coin_is_binomial(rng, level, low, high):
    """Resampled means of five ones and five zeros are binomial(10, 1/2) / 10, whose quantiles are known.

    2.5% lies between P(X <= 1) = 1.1% and P(X <= 2) = 5.5%, and 25% between P(X <= 3) = 17.2% and
    P(X <= 4) = 37.7%: 10,000 resamples cannot miss either.
    """
    interval = bootstrap_mean([0, 1] * 5, rng, level=level)
    assert interval.mean == pytest.approx(0.5)
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_bootstrap_width_is_that_of_the_normal_law(rng):
    values = rng.normal(size=400)
    interval = bootstrap_mean(values, rng)
    expected = 2 * 1.96 * values.std() / math.sqrt(len(values))
    # A quantile estimated from 10,000 resamples scatters by about 2% of the width.
    assert interval.high - interval.low == pytest.approx(expected, rel=0.08)


def test_bootstrap_repeats_with_the_same_stream():
    values = np.arange(10.0)
    assert bootstrap_mean(values, np.random.default_rng(1)) == bootstrap_mean(values, np.random.default_rng(1))
