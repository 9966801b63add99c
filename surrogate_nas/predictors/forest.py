"""A random forest, grown by XGBoost; the spread of its trees is the standard deviation."""

from typing import Any, Literal, Self, final, overload

import numpy as np
import numpy.typing as npt
import xgboost
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags

from surrogate_nas.predictors.boosted import load_booster
from surrogate_nas.predictors.inputs import Floats, check_features, check_training
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.ubj import check_booster


@final
class Forest(RegressorMixin, BaseEstimator):
    """Random forest: deep trees on random rows and random features per split, averaged.

    Args:
        n_estimators: Number of trees.
        max_depth: Depth of a tree.
        subsample: Share of rows per tree, drawn without replacement; 0.632 is what a bootstrap sees.
        colsample: Share of features per split.
        n_jobs: Threads.
        random_state: Seed.
    """

    def __init__(
        self,
        *,
        n_estimators: int = 200,
        max_depth: int = 16,
        subsample: float = 0.632,
        colsample: float = 0.33,
        n_jobs: int = 1,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.subsample = subsample
        self.colsample = colsample
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Grow all trees.

        Args:
            X: Features, shape (n, f); NaN = not known.
            y: Scores, shape (n,).
            sample_weight: Weight per row, shape (n,).
        """
        rows, scores, weight = check_training(self, X, y, sample_weight, allow_nan=True)
        self.center_, self.scale_ = float(scores.mean()), float(scores.std()) or 1.0
        target = (scores - self.center_) / self.scale_
        parameters = {
            "max_depth": self.max_depth,
            "eta": 1.0,
            "num_parallel_tree": self.n_estimators,
            "subsample": self.subsample,
            "colsample_bynode": self.colsample,
            "lambda": 0.0,
            "min_child_weight": 0.0,
            "tree_method": "hist",
            "nthread": self.n_jobs,
            "seed": self.random_state,
            "base_score": 0.0,
            "verbosity": 0,
        }
        data = xgboost.QuantileDMatrix(rows.astype(np.float32), label=target, weight=weight, nthread=self.n_jobs)
        self.booster_ = xgboost.train(parameters, data, num_boost_round=1)
        raw = bytes(self.booster_.save_raw("ubj"))
        self.leaves_ = _leaf_values(raw, rows.shape[1]) * self.n_estimators  # XGBoost divides by their number
        return self

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> Floats: ...
    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[Floats, Floats]: ...

    def predict(self, X: Any, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Expected score and, where asked for, the standard deviation over the trees.

        Args:
            X: Features, shape (m, f).
            return_std: Also give the standard deviation.
        """
        features = check_features(self, X, allow_nan=True).astype(np.float32)
        mean = self.booster_.inplace_predict(features).astype(np.float64) * self.scale_ + self.center_
        if not return_std:
            return mean
        data = xgboost.DMatrix(features, nthread=self.n_jobs)
        leaf = self.booster_.predict(data, pred_leaf=True).astype(np.int64).reshape(len(features), self.n_estimators)
        return mean, self.leaves_[np.arange(self.n_estimators), leaf].std(axis=1) * self.scale_

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values = {"params": self.get_params(deep=False), "center": self.center_, "scale": self.scale_}
        values["n_features_in"] = self.n_features_in_
        return State(values, {"leaves": self.leaves_}, {"forest": bytes(self.booster_.save_raw("ubj"))})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        made = cls(**state.values["params"])
        made.center_, made.scale_ = float(state.values["center"]), float(state.values["scale"])
        made.n_features_in_ = int(state.values["n_features_in"])
        made.leaves_ = state.arrays["leaves"]
        made.booster_ = load_booster(state.boosters["forest"], made.n_features_in_, made.n_jobs)
        return made

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _leaf_values(raw: bytes, n_features: int) -> npt.NDArray[np.float64]:
    """What each node of each tree gives if it is a leaf; shape (trees, most nodes)."""
    # At a leaf XGBoost keeps the leaf's value where other nodes keep their threshold.
    conditions = [tree["split_conditions"] for tree in check_booster(raw, n_features)]
    values = np.zeros((len(conditions), max(map(len, conditions))))
    for row, own in zip(values, conditions, strict=True):
        row[: len(own)] = own
    return values
