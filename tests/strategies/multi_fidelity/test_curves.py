"""What learning curves say about their end: exact where the curve is of the family, by hand where it is linear."""

import numpy as np
import pytest

from surrogate_nas.strategies.multi_fidelity.curves import EXPONENTS, RATES, RIDGE, extrapolate, regress

EPOCHS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32])


@pytest.mark.parametrize("exponent", EXPONENTS[[40, 80, 100, 120, 140]])
@pytest.mark.parametrize(("end", "height"), [(90.0, 40.0), (0.5, 0.3), (-2.0, 5.0)])
def test_an_exact_power_law_is_continued_to_its_asymptote(exponent, end, height):
    curve = end - height * EPOCHS**-exponent
    # On the grid the misfit is zero but for rounding, so that one shape has all the weight: NO_NOISE ^ (k / 2).
    for at, value in ((np.inf, end), (200.0, end - height * 200.0**-exponent)):
        mean, std = extrapolate(EPOCHS, curve[None], at)
        np.testing.assert_allclose(mean, [value], atol=1e-5 * height)
        assert std[0] < 1e-4 * height


@pytest.mark.parametrize("exponent", [0.4, 0.5, 0.77, 1.0, 1.5, 2.0])
def test_off_the_grid_an_exact_power_law_is_missed_by_less_than_a_step(exponent):
    after = np.searchsorted(EXPONENTS, exponent)
    steps = []
    for near in EXPONENTS[after - 1 : after + 1]:
        design = np.stack([np.ones(10), EPOCHS**-near], axis=1)
        steps.append(np.linalg.lstsq(design, 1 - EPOCHS**-exponent, rcond=None)[0][0])
    assert min(steps) < 1 < max(steps), "the asymptotes of its neighbours on the grid"
    mean, _ = extrapolate(EPOCHS, (1 - EPOCHS**-exponent)[None], np.inf)
    assert abs(mean[0] - 1) < max(steps) - min(steps) < 0.02


def test_an_exact_exponential_is_continued_to_its_asymptote():
    for rate in RATES[[20, 40, 60]]:
        mean, std = extrapolate(EPOCHS, (3 - 2 * np.exp(-rate * EPOCHS / EPOCHS[-1]))[None], np.inf)
        np.testing.assert_allclose(mean, [3.0], atol=1e-5)
        assert std[0] < 1e-4


def test_a_flat_curve_stays_where_it_is():
    mean, std = extrapolate(EPOCHS, np.full((1, 10), 7.0), 1000)
    np.testing.assert_allclose(mean, [7.0], atol=1e-5)
    assert std[0] < 1e-5


def test_a_forecast_has_no_unit_and_many_curves_are_one_by_one():
    rng = np.random.default_rng(0)
    curves = 1 - 0.5 / EPOCHS + 0.02 * rng.normal(size=(5, 10))
    mean, std = extrapolate(EPOCHS, curves, 100)
    for i in range(5):
        one = extrapolate(10 * EPOCHS, 50 * curves[i : i + 1] - 3, 1000)
        np.testing.assert_allclose(one.mean, 50 * mean[i : i + 1] - 3)
        np.testing.assert_allclose(one.std, 50 * std[i : i + 1])


def test_the_deviation_covers_what_noise_does():
    """Power laws with noise: the true end lies within two deviations in most cases, as for any honest forecast."""
    rng = np.random.default_rng(0)
    power = rng.uniform(0.4, 1.5, size=300)
    end = rng.normal(size=300)
    curves = end[:, None] - EPOCHS ** -power[:, None] + 0.01 * rng.normal(size=(300, 10))
    mean, std = extrapolate(EPOCHS, curves, 128)
    truth = end - 128.0**-power
    inside = (np.abs(mean - truth) < 2 * std).mean()
    assert 0.8 < inside <= 1.0
    assert np.abs(mean - truth).mean() < np.abs(curves[:, -1] - truth).mean(), "better than taking the last score"


def test_regression_by_hand():
    """One feature: the ridge slope is S_xy / (S_xx + RIDGE) of standardised scores, through the means."""
    x, y = np.array([1.0, 2.0, 3.0, 6.0]), np.array([10.0, 11.0, 13.0, 14.0])
    z, z0 = (x - 3) / x.std(), (4 - 3) / x.std()
    slope = (z * (y - 12)).sum() / ((z**2).sum() + RIDGE)
    mean, std = regress([12], x[:, None], y, np.array([4.0]), 200)
    np.testing.assert_allclose(mean, [12 + slope * z0])
    leverage = z**2 / ((z**2).sum() + RIDGE) + 1 / 4
    np.testing.assert_allclose(std, [np.sqrt((((y - 12 - slope * z) / (1 - leverage)) ** 2).mean())])


def test_the_deviation_is_that_of_leaving_one_out():
    """Against doing it: without a penalty the short cut is exact (with one, means and scales do not move along)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = 3 * x + rng.normal(size=40)
    _, std = regress([1], x[:, None], y, np.array([0.0]), 9)
    errors = []
    for i in range(40):
        keep = np.arange(40) != i
        errors.append(y[i] - regress([1], x[keep, None], y[keep], x[i : i + 1], 9).mean[0])
    np.testing.assert_allclose(std, [np.sqrt(np.mean(np.square(errors)))], rtol=0.02)


def test_curves_that_end_like_they_begin_are_learned():
    """Final score = score now + twice the gain since the first: two features suffice."""
    rng = np.random.default_rng(0)
    curves = np.sort(rng.normal(size=(200, 2)), axis=1)
    finals = curves[:, 1] + 2 * (curves[:, 1] - curves[:, 0])
    mean, std = regress([1, 2], curves, finals, np.array([0.0, 1.0]), 4)
    # A penalty of one curve among 200 shrinks the weights by about 1 / 200.
    np.testing.assert_allclose(mean, [3.0], atol=0.05)
    assert std[0] < 0.05
