"""Linear regression whose penalty the data choose."""

from typing import Any, Self, final

import numpy as np

from surrogate_nas.predictors.inputs import Floats, Regressor, check_features, check_training
from surrogate_nas.predictors.state import State

#: Penalties that are compared, as multiples of the number of features.
PENALTIES = np.logspace(-6, 6, 97)

#: Prior of the penalty: noise and signal have equal shares, within a factor of e to the 3 or so. It decides where a
#: handful of rows says nothing.
PRIOR_WIDTH = 3.0

#: Added to the noise's variance, y being standardised: a perfect fit has no finite evidence.
LEAST_NOISE = 1e-10


@final
class Ridge(Regressor):
    """Bayesian ridge regression: linear in standardised features, the penalty maximises the evidence.

    The coefficients have one normal prior, the noise's variance and the intercept are free. All penalties are compared
    in the basis of one singular value decomposition, so there is nothing to iterate.

    Args:
        penalty: Ratio of the noise's variance to that of the coefficients; None lets the evidence choose.

    References:
        D. MacKay, Bayesian interpolation, Neural Computation 4 (1992), doi:10.1162/neco.1992.4.3.415.
    """

    def __init__(self, *, penalty: float | None = None) -> None:
        self.penalty = penalty

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose the penalty, then the coefficients.

        Args:
            X: Features, shape (n, f).
            y: Scores, shape (n,).
            sample_weight: A row of weight w counts like w rows, shape (n,).
        """
        rows, scores, weight = check_training(self, X, y, sample_weight)
        share = np.ones(len(rows)) if weight is None else weight
        self.count_ = float(share.sum())
        self.center_ = share @ rows / self.count_
        deviation = np.sqrt(share @ (rows - self.center_) ** 2 / self.count_)
        # Rounding leaves some deviation where a feature is constant.
        self.scale_ = np.where(deviation > 1e-12 * np.maximum(1.0, np.abs(self.center_)), deviation, np.inf)
        self.y_center_ = float(share @ scores / self.count_) if np.ptp(scores) else float(scores[0])
        self.y_scale_ = float(np.sqrt(share @ (scores - self.y_center_) ** 2 / self.count_)) or 1.0
        root = np.sqrt(share)
        left, singular, self.basis_ = np.linalg.svd(
            root[:, None] * ((rows - self.center_) / self.scale_), full_matrices=False
        )
        target = root * (scores - self.y_center_) / self.y_scale_
        seen = left.T @ target
        self.penalty_ = (
            self._best_penalty(singular, seen, float(target @ target)) if self.penalty is None else float(self.penalty)
        )
        self.noise_ = self._noise(self.penalty_, singular, seen, float(target @ target))
        self.shrunk_ = 1.0 / (singular**2 + self.penalty_)
        self.coef_ = (seen * singular * self.shrunk_) @ self.basis_
        self.errors_ = self._left_out(target, left, singular, share)
        return self

    def _predict(self, X: Any, return_std: bool) -> Floats | tuple[Floats, Floats]:
        rows = (check_features(self, X) - self.center_) / self.scale_
        mean = rows @ self.coef_ * self.y_scale_ + self.y_center_
        if not return_std:
            return mean
        inside = rows @ self.basis_.T
        unseen = np.maximum((rows**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
        doubt = inside**2 @ self.shrunk_ + unseen / self.penalty_ + 1 / self.count_
        return mean, self.y_scale_ * np.sqrt(self.noise_ * (1.0 + doubt))

    def left_out_errors(self) -> Floats:
        """Leave-one-out errors with this penalty and noise, in standard deviations, without sign."""
        return self.errors_

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values = {"params": self.get_params(deep=False), "n_features_in": self.n_features_in_}
        values |= {name: getattr(self, name) for name in _VALUES}
        return State(values, {name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        made = cls(**state.values["params"])
        made.n_features_in_ = int(state.values["n_features_in"])
        for name in _VALUES:
            setattr(made, name, float(state.values[name]))
        for name in _ARRAYS:
            setattr(made, name, state.arrays[name])
        return made

    def _noise(self, penalty: float | Floats, singular: Floats, seen: Floats, total: float) -> Any:
        """Most likely variance of the noise for each penalty."""
        explained = (seen**2 * singular**2 / (singular**2 + np.asarray(penalty)[..., None])).sum(axis=-1)
        return np.maximum(total - explained, 0.0) / max(self.count_ - 1.0, 1.0) + LEAST_NOISE

    def _best_penalty(self, singular: Floats, seen: Floats, total: float) -> float:
        """Penalty of the highest evidence times its prior; the noise's variance is maximised for each."""
        n_features = max(1, len(self.center_))
        penalties = PENALTIES * n_features
        evidence = -0.5 * (self.count_ - 1.0) * np.log(self._noise(penalties, singular, seen, total))
        evidence -= 0.5 * np.log1p(singular**2 / penalties[:, None]).sum(axis=1)
        return float(penalties[np.argmax(evidence - 0.5 * (np.log(PENALTIES) / PRIOR_WIDTH) ** 2)])

    def _left_out(self, target: Floats, left: Floats, singular: Floats, share: Floats) -> Floats:
        """Closed form: residual and variance of a left-out row follow from its leverage."""
        fitted = left * singular @ (self.basis_ @ self.coef_)
        leverage = (left**2 * singular**2) @ self.shrunk_ + share / self.count_
        rest = np.maximum(1.0 - leverage, 1e-12)
        return np.abs(target - fitted) / np.sqrt(rest * self.noise_)


_VALUES = ("count_", "y_center_", "y_scale_", "penalty_", "noise_")
_ARRAYS = ("center_", "scale_", "basis_", "shrunk_", "coef_", "errors_")
