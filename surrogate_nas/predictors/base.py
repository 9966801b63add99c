"""What every predictor of architectures has in common, and the plain one: space, encoder, regressor."""

from abc import ABC, abstractmethod
from typing import Any, Literal, Self, final, overload

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, clone

from surrogate_nas.core import Direction, InvalidInputError, PredictedInterval, Prediction
from surrogate_nas.core.threads import one_thread
from surrogate_nas.core.validation import check_scores
from surrogate_nas.predictors.pretrained import Shareable
from surrogate_nas.predictors.ranking import Ranking
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.uncertainty import LeavesOut, probability_best, reach
from surrogate_nas.spaces.base import SearchSpace

Floats = npt.NDArray[np.float64]

#: Rows scored at once: features of a million architectures would not fit into memory.
CHUNK = 4_096


class BasePredictor(Shareable, BaseEstimator, ABC):
    """Predicts a score from an architecture's row; what differs is how (``_fit`` and ``_predict``).

    Attributes:
        space: The space of the rows, or None where X already is floats.
        direction: "max" if a higher score is better, "min" if a lower one is; only ``rank`` reads it.
        n_extra_: Number of side features seen in ``fit``.
    """

    space: SearchSpace | None
    direction: Direction
    n_extra_: int

    @abstractmethod
    def _fit(self, X: npt.NDArray[Any], y: Floats, extra: Floats | None, sample_weight: Floats | None) -> None:
        """Learn from checked arrays, forgetting earlier fits."""

    @abstractmethod
    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        """Mean and, where asked for, standard deviation of checked rows."""

    def _predict_interval(self, X: npt.NDArray[Any], extra: Floats | None, level: float) -> tuple[Floats, Floats]:
        """Both ends of the interval of checked rows; predictors on a scale of their own override it."""
        mean, std = self._predict(X, extra, True)
        half = reach(self._left_out_errors(), level) * (np.zeros(len(X)) if std is None else std)
        return mean - half, mean + half

    def _merit(self, X: npt.NDArray[Any], extra: Floats | None) -> tuple[Floats, Floats]:
        """Mean and deviation where larger is better, on a scale on which errors are about normal."""
        mean, std = self._predict(X, extra, True)
        return mean if self.direction == "max" else -mean, np.zeros(len(X)) if std is None else std

    def _left_out_errors(self) -> Floats:
        """Errors of left-out rows in standard deviations, without sign; none where nothing was left out."""
        return np.empty(0)

    @abstractmethod
    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        extra: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from measured architectures.

        Args:
            X: Rows of the space, shape (n, d); floats of shape (n, f) where ``space`` is None.
            y: Scores in any unit, shape (n,), finite.
            extra: Side features per architecture (zero-cost proxies ...), shape (n, e); NaN = not known.
            sample_weight: Weight per row, shape (n,), positive.

        Raises:
            InvalidInputError: Shapes do not match, genes are out of range, or a score is not finite.
        """
        if self.direction not in ("max", "min"):
            raise InvalidInputError(f"direction: expected 'max' or 'min', got {self.direction!r}")
        if self.space is not None and not isinstance(self.space, SearchSpace):
            raise InvalidInputError(f"space: expected a search space, got {self.space!r}; get_space(name) makes one")
        rows = self._check_rows(X)
        if not len(rows):
            raise InvalidInputError("fit: expected at least one measured architecture, got none")
        scores = check_scores(y, len(rows))
        side = check_extra(extra, len(rows))
        weight = None if sample_weight is None else check_scores(sample_weight, len(rows), "sample_weight")
        if weight is not None and not (weight > 0).all():
            raise InvalidInputError("sample_weight: expected positive weights; drop the rows that should not count")
        self.n_extra_ = 0 if side is None else side.shape[1]
        networks = rows if self.space is None else self.space.canonical(rows)
        order = in_order(networks, scores, side, weight, rows)
        with one_thread():
            self._fit(
                rows[order],
                scores[order],
                None if side is None else side[order],
                None if weight is None else weight[order],
            )
        return self

    @overload
    def predict(
        self, X: npt.ArrayLike, *, extra: npt.ArrayLike | None = None, return_std: Literal[False] = False
    ) -> Floats: ...
    @overload
    def predict(
        self, X: npt.ArrayLike, *, extra: npt.ArrayLike | None = None, return_std: Literal[True]
    ) -> Prediction: ...

    def predict(
        self, X: npt.ArrayLike, *, extra: npt.ArrayLike | None = None, return_std: bool = False
    ) -> Floats | Prediction:
        """Expected scores, in the unit and sign of the ``y`` given to ``fit``.

        Args:
            X: Rows, shape (n, d).
            extra: The side features of the same rows, as in ``fit``.
            return_std: Also say how sure: returns a :class:`Prediction` (mean, std).
        """
        rows, side = self._check_inputs(X, extra)
        mean = np.empty(len(rows))
        std = np.empty(len(rows)) if return_std else None
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            m, s = self._predict(rows[part], None if side is None else side[part], return_std)
            mean[part] = m
            if std is not None and s is not None:
                std[part] = s
        return mean if std is None else Prediction(mean, std)

    def predict_interval(
        self, X: npt.ArrayLike, *, level: float = 0.9, extra: npt.ArrayLike | None = None
    ) -> PredictedInterval:
        """Ends of an interval that holds a row's next measured score with probability ``level``.

        Widths are calibrated on left-out rows (conformal), as far as there are any; see ``uncertainty.reach``.

        Args:
            X: Rows, shape (n, d).
            level: Share of scores to be inside, between 0 and 1.
            extra: Their side features, as in ``fit``.
        """
        rows, side = self._check_inputs(X, extra)
        ends = PredictedInterval(np.empty(len(rows)), np.empty(len(rows)))
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            found = self._predict_interval(rows[part], None if side is None else side[part], level)
            ends.low[part], ends.high[part] = found
        return ends

    def probability_best(self, X: npt.ArrayLike, *, extra: npt.ArrayLike | None = None) -> Floats:
        """Probability of each row to be the best of the rows, shape (n,); predictions are taken as independent.

        Args:
            X: Rows that compete, shape (n, d).
            extra: Their side features, as in ``fit``.
        """
        rows, side = self._check_inputs(X, extra)
        parts = [slice(start, start + CHUNK) for start in range(0, len(rows), CHUNK)]
        found = [self._merit(rows[part], None if side is None else side[part]) for part in parts]
        mean, std = (np.concatenate(values) for values in zip(*found, strict=True)) if found else np.empty((2, 0))
        return probability_best(mean, std)

    def score(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        extra: npt.ArrayLike | None = None,
    ) -> float:
        """Coefficient of determination of the predictions, at most 1, as scikit-learn's regressors give it.

        Args:
            X: Rows, shape (n, d).
            y: Their scores, shape (n,).
            sample_weight: Weight per row, shape (n,).
            extra: Their side features, as in ``fit``.
        """
        from sklearn.metrics import r2_score

        return float(r2_score(y, self.predict(X, extra=extra), sample_weight=sample_weight))

    def rank(
        self, X: npt.ArrayLike | None = None, top: int | None = None, *, extra: npt.ArrayLike | None = None
    ) -> Ranking:
        """Sort architectures by expected score, the best first; equal ones keep their order.

        Args:
            X: Rows to rank, shape (n, d); None ranks the whole space.
            top: How many to return; None returns all.
            extra: Their side features, as in ``fit``.
        """
        if X is None:
            if self.space is None:
                raise InvalidInputError("rank: expected rows X, got None and no search space to take them from")
            X = self.space.enumerate()
        rows = self._check_rows(X)
        mean = self.predict(rows, extra=extra)
        order = np.argsort(-mean if self.direction == "max" else mean, kind="stable")[:top]
        side = None if extra is None else np.asarray(extra)[order]
        std = self.predict(rows[order], extra=side, return_std=True).std
        return Ranking(order, rows[order], mean[order], std, self.space)

    def _check_inputs(self, X: npt.ArrayLike, extra: npt.ArrayLike | None) -> tuple[npt.NDArray[Any], Floats | None]:
        """Rows and side features as ``fit`` saw them."""
        if not hasattr(self, "n_extra_"):
            raise InvalidInputError(f"{type(self).__name__}: not fitted yet; call fit(X, y) first")
        rows = self._check_rows(X)
        side = check_extra(extra, len(rows))
        if (0 if side is None else side.shape[1]) != self.n_extra_:
            got = "none" if side is None else str(side.shape[1])
            raise InvalidInputError(f"extra: expected the {self.n_extra_} side features seen in fit, got {got}")
        return rows, side

    def _check_rows(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        if self.space is None:
            floats = np.asarray(X, dtype=np.float64)
            if floats.ndim != 2:
                raise InvalidInputError(f"X: expected floats of shape (n, f), got shape {floats.shape}")
            return floats
        rows = self.space.rows(X)
        inside = self.space.in_range(rows)
        if not inside.all():
            first = int(np.flatnonzero(~inside)[0])
            raise InvalidInputError(
                f"X: expected rows of space {self.space.name!r}, row {first} is {rows[first].tolist()} with "
                f"cardinalities {self.space.cardinalities.tolist()}"
            )
        return rows


@final
class Predictor(BasePredictor):
    """The plain composition: rows → encoder → floats (then side features) → regressor.

    Args:
        space: The space of the rows; None means X already is floats and ``encoder`` may be None.
        encoder: scikit-learn transformer from rows to floats, or None to pass X on as floats.
        regressor: scikit-learn regressor whose ``predict`` takes ``return_std``.
        direction: "max" if a higher score is better.
    """

    def __init__(
        self, space: SearchSpace | None, encoder: Any = None, regressor: Any = None, *, direction: Direction = "max"
    ) -> None:
        self.space = space
        self.encoder = encoder
        self.regressor = regressor
        self.direction = direction

    def _fit(self, X: npt.NDArray[Any], y: Floats, extra: Floats | None, sample_weight: Floats | None) -> None:
        if self.regressor is None:
            raise InvalidInputError("Predictor: expected a regressor, got None; AutoPredictor chooses one")
        self.encoder_ = None if self.encoder is None else clone(self.encoder).fit(X)
        self.regressor_ = clone(self.regressor)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.regressor_.fit(self._floats(X, extra), y, **weight)

    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        floats = self._floats(X, extra)
        if return_std:
            mean, std = self.regressor_.predict(floats, return_std=True)
            return mean, std
        return self.regressor_.predict(floats), None

    def _left_out_errors(self) -> Floats:
        return self.regressor_.left_out_errors() if isinstance(self.regressor_, LeavesOut) else np.empty(0)

    def _floats(self, X: npt.NDArray[Any], extra: Floats | None) -> npt.NDArray[Any]:
        floats = X if self.encoder_ is None else self.encoder_.transform(X)
        return floats if extra is None else np.concatenate([floats, extra.astype(floats.dtype)], axis=1)

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        return State(
            values={"direction": self.direction, "n_extra": self.n_extra_},
            parts={"space": self.space, "encoder": self.encoder_, "regressor": self.regressor_},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        parts = state.parts
        made = cls(parts["space"], parts["encoder"], parts["regressor"], direction=state.values["direction"])
        made.encoder_, made.regressor_ = parts["encoder"], parts["regressor"]
        made.n_extra_ = int(state.values["n_extra"])
        return made


def in_order(*arrays: npt.NDArray[Any] | None) -> npt.NDArray[np.int64]:
    """Positions that sort rows by the arrays' columns, the first array counting most, (n,).

    Folds and random draws go by position: sorted first, the same measurements give the same predictor in whatever
    order they came.
    """
    columns = [column for array in arrays if array is not None for column in np.atleast_2d(array.T)]
    return np.lexsort(columns[::-1])


def check_extra(extra: npt.ArrayLike | None, n: int) -> Floats | None:
    """Side features as float64 of shape (n, e), NaN = not known; None where there are none."""
    if extra is None:
        return None
    side = np.asarray(extra, dtype=np.float64)
    if side.ndim == 1 and len(side) == n:
        side = side[:, None]
    if side.ndim != 2 or len(side) != n:
        raise InvalidInputError(f"extra: expected side features of shape ({n}, e), got shape {side.shape}")
    if np.isinf(side).any():
        raise InvalidInputError("extra: expected finite side features, got infinite ones; NaN stands for unknown")
    return side
