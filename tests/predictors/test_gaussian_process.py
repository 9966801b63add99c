"""The Gaussian process against closed forms: gradients, the textbook posterior, leave-one-out by hand."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from surrogate_nas.predictors import GaussianProcess
from surrogate_nas.predictors.gaussian_process import CONSTANT, _negative_log_likelihood
from surrogate_nas.predictors.group_kernel import SHAPES, GroupKernel


def data(n=30, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, np.sin(X[:, 0]) + 0.5 * X[:, 3] + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("linear", [True, False])
def test_gradient_agrees_with_differences(shape, linear):
    X, y = data()
    kernel = GroupKernel((np.array([0, 1]), np.array([2, 3, 4])), shape, linear)
    mean, _ = kernel.prior()
    noise = np.linspace(0.5, 2.0, len(y))
    pieces = kernel.pieces(X, X)

    def both(theta):
        value, slopes = kernel.value_and_slopes(theta[1:], *pieces)
        return _negative_log_likelihood(value, np.exp(theta[0]) * noise, slopes, y)

    theta = np.concatenate([[-2.0], mean + 0.3])
    error = check_grad(lambda t: both(t)[0], lambda t: both(t)[1], theta)
    assert error < 1e-4 * np.linalg.norm(both(theta)[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_is_symmetric_positive_and_has_its_diagonal(shape):
    X, _ = data()
    kernel = GroupKernel((np.array([0, 1]), np.array([2, 3, 4])), shape, True)
    theta, _ = kernel.prior()
    value = kernel.value(theta, X, X)
    np.testing.assert_allclose(value, value.T, rtol=1e-12)
    np.testing.assert_allclose(np.diag(value), kernel.diagonal(theta, X), rtol=1e-6)
    assert np.linalg.eigvalsh(value).min() > -1e-9


def test_posterior_is_the_textbook_one():
    X, y = data()
    test, _ = data(seed=1)
    process = GaussianProcess(standardize=False).fit(X, y)
    target = (y - y.mean()) / y.std()
    kernel, theta = process.kernel_, process.theta_
    noise = np.exp(theta[0])
    K = kernel.value(theta[1:], X, X) + CONSTANT + noise * np.eye(len(X))
    cross = kernel.value(theta[1:], test, X) + CONSTANT
    own = np.diag(kernel.value(theta[1:], test, test)) + CONSTANT + noise
    mean, std = process.predict(test, return_std=True)
    np.testing.assert_allclose(mean, cross @ np.linalg.solve(K, target) * y.std() + y.mean(), rtol=1e-5)
    variance = own - np.sum(cross * np.linalg.solve(K, cross.T).T, axis=1)
    np.testing.assert_allclose(std, np.sqrt(variance) * y.std(), rtol=1e-5)


def test_leave_one_out_is_what_leaving_out_gives():
    X, y = data(12)
    process = GaussianProcess(standardize=False).fit(X, y)
    residual, std = process.leave_one_out()
    target = (y - y.mean()) / y.std()
    K = process.kernel_.value(process.theta_[1:], X, X) + CONSTANT + np.exp(process.theta_[0]) * np.eye(len(X))
    for i in range(len(X)):
        rest = np.arange(len(X)) != i
        weights = np.linalg.solve(K[np.ix_(rest, rest)], K[rest, i])
        assert residual[i] == pytest.approx((target[i] - weights @ target[rest]) * y.std(), rel=1e-4)
        assert std[i] == pytest.approx(np.sqrt(K[i, i] - weights @ K[rest, i]) * y.std(), rel=1e-4)


def test_weights_are_repetitions():
    """With the same parameters, a weight of three is the same as the row three times."""
    X, y = data(12)
    weight = np.array([3.0] * 4 + [1.0] * 8)
    weighted = GaussianProcess(standardize=False).fit(X, y, weight)
    again = np.repeat(np.arange(12), weight.astype(int))
    repeated = GaussianProcess(standardize=False).fit(X[again], y[again])
    target = (y - weighted.y_center_) / weighted.y_scale_
    repeated.theta_, repeated.y_center_, repeated.y_scale_ = weighted.theta_, weighted.y_center_, weighted.y_scale_
    repeated._condition(target[again], np.ones(len(again)))
    for ours, theirs in zip(weighted.predict(X, return_std=True), repeated.predict(X, return_std=True), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_relevant_group_gets_the_shorter_scale():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 4))
    y = np.sin(2 * X[:, 0]) + np.cos(2 * X[:, 1])
    process = GaussianProcess(groups=[0, 0, 1, 1], linear=False).fit(X, y)
    relevant, irrelevant = process.theta_[2:4]
    assert relevant < irrelevant - 1.0


def test_many_rows_are_thinned_reproducibly():
    X, y = data(120)
    process = GaussianProcess(max_rows=50, random_state=3).fit(X, y)
    assert len(process.kept_) == len(process.X_) == 50
    other = GaussianProcess(max_rows=50, random_state=3).fit(X, y)
    np.testing.assert_array_equal(process.predict(X), other.predict(X))


def test_identical_rows_do_not_break_it():
    X = np.ones((40, 3))
    y = np.random.default_rng(0).normal(size=40)
    mean, std = GaussianProcess().fit(X, y).predict(X, return_std=True)
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
