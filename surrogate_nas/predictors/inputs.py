"""What the regressors share: the one way to predict, and scikit-learn's checks with this package's errors."""

from abc import ABC, abstractmethod
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from surrogate_nas.core import InvalidInputError

Floats = npt.NDArray[np.float64]


class Regressor(RegressorMixin, BaseEstimator, ABC):
    """A scikit-learn regressor that also says how sure it is."""

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> Floats: ...
    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, X: Any, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Expected score and, where asked for, the standard deviation of a new score, its noise included.

        Args:
            X: Features, shape (m, f).
            return_std: Also give the standard deviation.
        """
        return self._predict(X, return_std)

    @abstractmethod
    def _predict(self, X: Any, return_std: bool) -> Floats | tuple[Floats, Floats]:
        """The mean, with the standard deviation where asked for."""


def check_training(
    estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any = None, *, allow_nan: bool = False
) -> tuple[Floats, Floats, Floats | None]:
    """Check what comes into ``fit`` and remember the number of features.

    Args:
        estimator: The regressor being fitted.
        X: Features, shape (n, f).
        y: Scores, shape (n,).
        sample_weight: Weights, shape (n,), not negative; rows of weight 0 are left out.
        allow_nan: Whether NaN may stand for an unknown feature.

    Raises:
        InvalidInputError: A score is NaN or infinite, or a weight negative.
    """
    if y is not None:
        scores = column_or_1d(y, dtype=np.float64, warn=True)
        bad = ~np.isfinite(scores)
        if bad.any():
            raise InvalidInputError(
                f"y: expected finite scores, got {int(bad.sum())} NaN or inf value(s), the first at position "
                f"{int(np.flatnonzero(bad)[0])}; drop those rows first"
            )
    finite = "allow-nan" if allow_nan else True
    features, scores = validate_data(estimator, X, y, y_numeric=True, dtype=np.float64, ensure_all_finite=finite)
    scores = np.asarray(scores, dtype=np.float64)
    if sample_weight is None:
        return features, scores, None
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != scores.shape or not np.isfinite(weight).all() or (weight < 0).any():
        raise InvalidInputError(
            f"sample_weight: expected {len(scores)} finite weights, none negative, got shape {weight.shape} from "
            f"{weight.min(initial=np.inf):g} to {weight.max(initial=-np.inf):g}"
        )
    if not weight.any():
        raise InvalidInputError("sample_weight: expected a positive weight at least once, every weight is zero")
    kept = weight > 0
    return features[kept], scores[kept], weight[kept]


def check_features(estimator: BaseEstimator, X: Any, *, allow_nan: bool = False) -> Floats:
    """Check what comes into ``predict`` against what ``fit`` saw.

    Args:
        estimator: A fitted regressor.
        X: Features, shape (n, f).
        allow_nan: Whether NaN may stand for an unknown feature.
    """
    check_is_fitted(estimator)
    finite = "allow-nan" if allow_nan else True
    return np.asarray(validate_data(estimator, X, dtype=np.float64, ensure_all_finite=finite, reset=False))
