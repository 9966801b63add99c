"""Acquisitions against quadrature, by hand, and far out where formulas break."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from surrogate_nas.core import UnknownNameError
from surrogate_nas.strategies import (
    Beliefs,
    ExpectedImprovement,
    Greedy,
    Narrowing,
    ProbabilityOfImprovement,
    ThompsonSampling,
    UpperConfidenceBound,
)
from surrogate_nas.strategies.model_based.acquisition import get_acquisition

RNG = np.random.default_rng(0)


def beliefs(mean, std, best=0.0, n_told=10):
    return Beliefs(np.asarray(mean, dtype=float), np.asarray(std, dtype=float), best, n_told)


@pytest.mark.parametrize(
    ("mean", "std", "best"), [(0.3, 1.0, 0.0), (-2.0, 0.5, 0.1), (1.5, 2.0, -1.0), (0.0, 1.0, 3.0)]
)
def test_expected_improvement_is_the_integral(mean, std, best):
    integral, _ = quad(lambda y: (y - best) * norm.pdf(y, mean, std), best, mean + 12 * std, epsabs=1e-13)
    (value,) = ExpectedImprovement()(beliefs([mean], [std], best), 1, RNG)[0]
    assert value == pytest.approx(np.log(integral), abs=1e-7)


def test_expected_improvement_keeps_its_order_where_the_integral_underflows():
    mean = -np.array([5.0, 30.0, 60.0, 200.0, 1e5, 1e7])
    merits = ExpectedImprovement()(beliefs(mean, np.ones(6)), 1, RNG)[0]
    assert np.isfinite(merits).all()
    assert (np.diff(merits) < 0).all()
    # Mills' ratio: E = pdf(z) / z^2 (1 + O(1/z^2))
    assert merits[3] == pytest.approx(norm.logpdf(200.0) - 2 * np.log(200.0), abs=1e-3)


def test_expected_improvement_is_smooth_where_its_two_formulas_meet():
    z = np.array([-1.0 - 1e-9, -1.0 + 1e-9])
    low, high = ExpectedImprovement()(beliefs(z, np.ones(2)), 1, RNG)[0]
    assert low == pytest.approx(high, abs=1e-7)


def test_a_model_that_is_sure_does_not_divide_by_zero():
    for acquisition in (ExpectedImprovement(), ProbabilityOfImprovement()):
        merits = acquisition(beliefs([1.0, 2.0, -1.0], [0.0, 0.0, 0.0]), 1, RNG)[0]
        assert np.argsort(-merits)[0] == 1


def test_before_the_first_score_improvement_means_the_best_expected():
    told = beliefs([0.1, 0.3, 0.2], [5.0, 0.1, 1.0], best=-np.inf, n_told=0)
    for acquisition in (ExpectedImprovement(), ProbabilityOfImprovement()):
        assert acquisition(told, 1, RNG)[0].argmax() == 1


def test_bounds_and_means_by_hand():
    told = beliefs([1.0, 0.0], [0.5, 2.0], best=0.5)
    np.testing.assert_allclose(UpperConfidenceBound(2.0)(told, 1, RNG), [[2.0, 4.0]])
    np.testing.assert_allclose(Greedy()(told, 1, RNG), [[1.0, 0.0]])
    np.testing.assert_allclose(ProbabilityOfImprovement()(told, 1, RNG), [[1.0, -0.25]])


def test_thompson_draws_follow_the_beliefs():
    draws = ThompsonSampling()(beliefs([1.0, -1.0], [0.5, 2.0]), 40_000, np.random.default_rng(1))
    np.testing.assert_allclose(draws.mean(axis=0), [1.0, -1.0], atol=4 * 2.0 / 200)
    np.testing.assert_allclose(draws.std(axis=0), [0.5, 2.0], rtol=0.02)


def test_narrowing_chooses_among_fewer_and_fewer_of_the_best_expected():
    mean = np.arange(100.0)
    for told, among in ((0, 20), (30, 10), (60, 5), (600, 2)):
        picks = {
            int(
                Narrowing(share=0.2, halving=30)(beliefs(mean, mean, n_told=told), 2, np.random.default_rng(s))[
                    0
                ].argmax()
            )
            for s in range(400)
        }
        assert picks == set(range(100 - among, 100))
    order = np.argsort(-Narrowing(share=0.2)(beliefs(mean, mean, n_told=600), 2, RNG)[0])
    np.testing.assert_array_equal(order[2:], np.arange(97, -1, -1))  # the others by their mean


def test_names():
    assert get_acquisition("ucb") == UpperConfidenceBound()
    own = UpperConfidenceBound(3.0)
    assert get_acquisition(own) is own
    with pytest.raises(UnknownNameError, match="expected one of ei, pi, ucb"):
        get_acquisition("eu")
