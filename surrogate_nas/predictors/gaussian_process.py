"""Gaussian process regression on groups of features, with parameters that the data choose."""

from collections.abc import Sequence
from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.predictors.group_kernel import SHAPES, Floats, GroupKernel
from surrogate_nas.predictors.inputs import Regressor, check_features, check_training
from surrogate_nas.predictors.state import State

#: Prior of the noise's share of the variance of y: a tenth, within a factor of 4.5 or so.
NOISE_PRIOR = (np.log(0.1), 1.5)

#: Added to the diagonal: far below any noise that is learned, far above rounding.
JITTER = 1e-8

#: Variance of the unknown constant, y being standardised.
CONSTANT = 1.0


#: Rows predicted at once: the kernel's intermediate arrays then stay in the processor's cache.
BLOCK = 1024


@final
class GaussianProcess(Regressor):
    """Gaussian process with a linear and a stationary kernel, a length scale per group of features.

    Parameters maximise the marginal likelihood times a weak prior, which keeps a handful of rows from
    being explained by absurd scales. y is standardised inside, an unknown constant is integrated out.

    Args:
        groups: Group of each feature, shape (f,); features of one group share a length scale. None = one group.
        kernel: Stationary part: "matern52" or "rbf".
        linear: Whether there is a linear part.
        standardize: Whether features are scaled to unit variance over the training rows.
        max_rows: Rows kept at most; with more, a random subset of that size is used.
        max_search_rows: Rows on which the kernel's parameters are sought.
        random_state: Seed of the random subsets.
    """

    def __init__(
        self,
        *,
        groups: Sequence[int] | npt.NDArray[np.int64] | None = None,
        kernel: str = "matern52",
        linear: bool = True,
        standardize: bool = True,
        max_rows: int = 2000,
        max_search_rows: int = 200,
        random_state: int = 0,
    ) -> None:
        self.groups = groups
        self.kernel = kernel
        self.linear = linear
        self.standardize = standardize
        self.max_rows = max_rows
        self.max_search_rows = max_search_rows
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose the kernel's parameters and condition on the data.

        Args:
            X: Features, shape (n, f).
            y: Scores, shape (n,).
            sample_weight: A row of weight w counts like w rows with equal scores: its noise is divided by w.
        """
        choose("kernel", self.kernel, SHAPES)
        rows, scores, weight = check_training(self, X, y, sample_weight)
        rng = np.random.default_rng(self.random_state)
        self.kept_ = np.sort(rng.permutation(len(rows))[: self.max_rows])
        rows, scores, weight = rows[self.kept_], scores[self.kept_], None if weight is None else weight[self.kept_]
        self.center_ = rows.mean(axis=0) if self.standardize else np.zeros(rows.shape[1])
        self.scale_ = _positive(rows.std(axis=0)) if self.standardize else np.ones(rows.shape[1])
        self.y_center_ = float(scores.mean())
        self.y_scale_ = float(_positive(np.atleast_1d(scores.std()))[0])
        self.constant_ = bool(np.ptp(scores) == 0)
        self.X_ = (rows - self.center_) / self.scale_
        target = (scores - self.y_center_) / self.y_scale_
        noise = np.ones(len(rows)) if weight is None else 1.0 / weight
        self.kernel_ = self._kernel(rows.shape[1])
        search = rng.permutation(len(rows))[: self.max_search_rows]
        self.theta_ = self._search(self.X_[search], target[search], noise[search])
        self._condition(target, noise)
        return self

    def _predict(self, X: Any, return_std: bool) -> Floats | tuple[Floats, Floats]:
        features = check_features(self, X)
        mean = np.empty(len(features))
        std = np.empty(len(features)) if return_std else None
        for start in range(0, len(features), BLOCK):
            block = slice(start, start + BLOCK)
            rows = (features[block] - self.center_) / self.scale_
            cross = self.kernel_.value(self.theta_[1:], rows, self.X_)
            cross += CONSTANT
            mean[block] = cross @ self.alpha_
            if std is not None:
                std[block] = self._deviation(rows, cross)
        mean = np.full(len(mean), self.y_center_) if self.constant_ else mean * self.y_scale_ + self.y_center_
        return mean if std is None else (mean, std * self.y_scale_)

    def _deviation(self, rows: Floats, cross: Floats) -> Floats:
        """Standard deviation of new scores of standardised rows, y being standardised."""
        prior = self.kernel_.diagonal(self.theta_[1:], rows) + CONSTANT + np.exp(self.theta_[0])
        explained = solve_triangular(self.cholesky_, cross.T, lower=True, check_finite=False)
        return np.sqrt(np.maximum(prior - np.einsum("nm,nm->m", explained, explained), 0.0))

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """How each kept training row would have been predicted from all others, with these parameters.

        Returns:
            Score minus its prediction, and the prediction's standard deviation; both of the shape of ``kept_``.
        """
        inverse = solve_triangular(self.cholesky_, np.eye(len(self.alpha_)), lower=True, check_finite=False)
        precision = np.einsum("ij,ij->j", inverse, inverse)
        return self.alpha_ / precision * self.y_scale_, self.y_scale_ / np.sqrt(precision)

    def left_out_errors(self) -> Floats:
        """Errors of :meth:`leave_one_out` in standard deviations, without sign."""
        residual, std = self.leave_one_out()
        return np.abs(residual) / np.maximum(std, np.finfo(np.float64).tiny)

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        params = self.get_params(deep=False)
        params["groups"] = None if self.groups is None else [int(g) for g in self.groups]
        values = {"y_center": self.y_center_, "y_scale": self.y_scale_, "constant": self.constant_}
        names = ("kept_", "center_", "scale_", "X_", "theta_", "alpha_", "cholesky_")
        return State({"params": params, **values}, {name: getattr(self, name) for name in names})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        made = cls(**state.values["params"])
        for name, array in state.arrays.items():
            setattr(made, name, array)
        made.y_center_, made.y_scale_ = float(state.values["y_center"]), float(state.values["y_scale"])
        made.constant_ = bool(state.values["constant"])
        made.n_features_in_ = made.X_.shape[1]
        made.kernel_ = made._kernel(made.n_features_in_)
        return made

    def _kernel(self, n_features: int) -> GroupKernel:
        labels = np.zeros(n_features, dtype=np.int64) if self.groups is None else np.asarray(self.groups)
        if labels.shape != (n_features,):
            raise InvalidInputError(f"groups: expected one per feature ({n_features}), got shape {labels.shape}")
        groups = tuple(np.flatnonzero(labels == g) for g in np.unique(labels))
        return GroupKernel(groups, self.kernel, self.linear)

    def _search(self, X: Floats, target: Floats, noise: Floats) -> Floats:
        """Parameters of highest posterior density: logarithm of the noise, then the kernel's."""
        kernel_mean, kernel_deviation = self.kernel_.prior()
        mean = np.concatenate([[NOISE_PRIOR[0]], kernel_mean])
        deviation = np.concatenate([[NOISE_PRIOR[1]], kernel_deviation])
        pieces = self.kernel_.pieces(X, X)

        def loss(theta: Floats) -> tuple[float, Floats]:
            value, slopes = self.kernel_.value_and_slopes(theta[1:], *pieces)
            z = (theta - mean) / deviation
            own = np.exp(theta[0]) * noise
            nll, gradient = _negative_log_likelihood(value, own, slopes, target)
            return nll + 0.5 * z @ z, gradient + z / deviation

        bounds = [(m - 6.0, m + 6.0) for m in mean]
        found = minimize(loss, mean, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
        return np.asarray(found.x, dtype=np.float64)

    def _condition(self, target: Floats, noise: Floats) -> None:
        covariance = self.kernel_.value(self.theta_[1:], self.X_, self.X_) + CONSTANT
        covariance[np.diag_indices_from(covariance)] += np.exp(self.theta_[0]) * noise
        self.cholesky_ = _robust_cholesky(covariance)
        self.alpha_ = cho_solve((self.cholesky_, True), target)


def _negative_log_likelihood(value: Floats, own: Floats, slopes: list[Floats], target: Floats) -> tuple[float, Floats]:
    """Negative log marginal likelihood and its derivative by the log noise, then by the kernel's parameters."""
    covariance = value + CONSTANT
    covariance[np.diag_indices_from(covariance)] += own
    lower = _robust_cholesky(covariance)
    alpha = cho_solve((lower, True), target)
    weights = 0.5 * (cho_solve((lower, True), np.eye(len(target))) - np.outer(alpha, alpha))
    gradient = [np.sum(np.diag(weights) * own), *(np.vdot(weights, slope) for slope in slopes)]
    return float(0.5 * target @ alpha + np.log(np.diag(lower)).sum()), np.array(gradient)


def _robust_cholesky(covariance: Floats) -> Floats:
    """Lower Cholesky factor; the diagonal grows tenfold until rounding no longer spoils it."""
    size = float(np.mean(np.diag(covariance)))
    for power in range(8):
        try:
            shifted = covariance.copy()
            shifted[np.diag_indices_from(shifted)] += JITTER * 10.0**power * size
            return np.asarray(cholesky(shifted, lower=True, check_finite=False))
        except np.linalg.LinAlgError:
            continue
    raise InvalidInputError("GaussianProcess: the kernel matrix is not positive definite; scale the features")


def _positive(deviations: Floats) -> Floats:
    """Standard deviations to divide by: 1 where nothing varies."""
    return np.where(deviations > 1e-12, deviations, 1.0)
