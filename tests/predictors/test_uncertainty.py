"""Intervals from left-out errors and the probability of being the best, against what is known exactly."""

import numpy as np
import pytest
from scipy.stats import norm

from surrogate_nas.core import InvalidInputError
from surrogate_nas.predictors.uncertainty import probability_best, reach


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_reach_covers_new_errors_of_any_distribution(level):
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        errors = np.abs(rng.standard_t(2, size=60))
        inside.append(np.abs(rng.standard_t(2, size=50)) <= reach(errors, level))
    assert abs(np.mean(inside) - level) < 0.025


def test_with_few_errors_the_normal_distribution_goes_on():
    assert reach(np.empty(0), 0.95) == pytest.approx(1.96, abs=1e-3)
    errors = norm.ppf(0.5 + (np.arange(20) + 0.5) / 40)
    assert reach(errors, 0.99) > errors.max() * 1.05
    with pytest.raises(InvalidInputError, match="90%"):
        reach(errors, 90)


def test_probability_best_of_two_is_that_of_their_difference():
    mean, std = np.array([1.0, 0.3]), np.array([0.4, 0.8])
    exact = norm.cdf((mean[0] - mean[1]) / np.hypot(*std))
    np.testing.assert_allclose(probability_best(mean, std), [exact, 1 - exact], atol=1e-3)
    np.testing.assert_allclose(probability_best(-mean, std, "min"), [exact, 1 - exact], atol=1e-3)


def test_probability_best_agrees_with_draws():
    rng = np.random.default_rng(1)
    mean, std = rng.normal(size=40), rng.uniform(0.1, 1.0, size=40)
    draws = mean + std * rng.normal(size=(100_000, 40))
    share = np.bincount(draws.argmax(axis=1), minlength=40) / 100_000
    np.testing.assert_allclose(probability_best(mean, std), share, atol=0.01)


def test_probability_best_at_the_ends():
    np.testing.assert_array_equal(probability_best(np.array([1.0, 2.0, 2.0]), np.zeros(3)), [0, 0.5, 0.5])
    np.testing.assert_allclose(probability_best(np.zeros(5), np.ones(5)), 0.2)
    assert probability_best(np.empty(0), np.empty(0)).shape == (0,)
    sure = probability_best(np.array([0.0, 5.0, 0.0]), np.array([1.0, 1e-9, 1.0]))
    assert sure[1] > 0.99
