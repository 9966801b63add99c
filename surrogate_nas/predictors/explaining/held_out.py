"""How good a predictor is on rows that it has not seen, within the measured rows: k-fold cross-validation."""

from copy import copy
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import kendall_tau, spearman
from surrogate_nas.core.validation import check_scores
from surrogate_nas.predictors.base import BasePredictor

Floats = npt.NDArray[np.float64]

#: Fewest rows of which what left-out ones say is worth telling: with fewer, a correlation says nothing.
ENOUGH = 10

#: Levels at which the coverage of intervals is told.
LEVELS = (0.2, 0.5, 0.8, 0.9, 0.95)


@final
@dataclass(frozen=True)
class LeftOut:
    """Predictions of rows by predictors that had not seen them.

    Attributes:
        y: Measured scores, shape (n,).
        mean: Predicted ones, shape (n,).
        std: Their standard deviations, shape (n,).
        fold: Which part each row was left out with, shape (n,).
        inside: Share of measured scores within the intervals of each level of :data:`LEVELS`.
        predictors: The predictors, one per part that was left out.
    """

    y: Floats
    mean: Floats
    std: Floats
    fold: npt.NDArray[np.int64]
    inside: dict[float, float]
    predictors: list[BasePredictor]

    @property
    def kendall(self) -> float:
        """Kendall's tau-b over all left-out predictions."""
        return kendall_tau(self.mean, self.y)

    @property
    def spearman(self) -> float:
        """Spearman's correlation over all left-out predictions."""
        return spearman(self.mean, self.y)

    @property
    def error(self) -> float:
        """Mean absolute error, in the target's unit."""
        return float(np.abs(self.mean - self.y).mean())


def leave_out(
    predictor: BasePredictor,
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    extra: npt.ArrayLike | None = None,
    folds: int = 5,
    random_state: int = 0,
) -> LeftOut:
    """Fit the predictor again without one part of the rows at a time, and predict that part.

    Args:
        predictor: Fitted or not; it stays as it is.
        X: Measured rows, shape (n, d).
        y: Their scores, shape (n,).
        extra: Their side features.
        folds: Number of parts; fewer where there are fewer rows.
        random_state: Seed of the division into parts.

    Raises:
        InvalidInputError: Fewer than two rows, or fewer than two parts.
    """
    rows = predictor._check_rows(X)
    scores = check_scores(y, len(rows))
    n = len(scores)
    if n < 2 or folds < 2:
        raise InvalidInputError(f"leave_out: expected at least 2 rows and 2 folds, got {n} and {folds}; measure more")
    side = None if extra is None else np.asarray(extra, dtype=np.float64).reshape(n, -1)
    parts = min(folds, n)
    fold = np.random.default_rng(random_state).permutation(n) % parts
    mean, std, predictors = np.empty(n), np.empty(n), []
    ends = {level: np.empty((2, n)) for level in LEVELS}
    for k in range(parts):
        out = fold == k
        kept, missing = (None if side is None else side[which] for which in (~out, out))
        # What ``fit`` learns is forgotten by the next one, so a shallow copy will do: a predictor may carry what it
        # has learned from other tasks, which is large and never changed.
        fitted = copy(predictor).fit(rows[~out], scores[~out], extra=kept)
        mean[out], std[out] = fitted.predict(rows[out], extra=missing, return_std=True)
        for level, found in ends.items():
            found[:, out] = fitted.predict_interval(rows[out], level=level, extra=missing)
        predictors.append(fitted)
    inside = {level: float(((low <= scores) & (scores <= high)).mean()) for level, (low, high) in ends.items()}
    return LeftOut(scores, mean, std, fold, inside, predictors)
