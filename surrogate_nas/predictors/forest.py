"""A random forest, grown by XGBoost; the spread of its trees is the standard deviation."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
import xgboost
from sklearn.utils import Tags

from surrogate_nas.predictors.boosted import load_booster
from surrogate_nas.predictors.inputs import Floats, Regressor, check_features, check_training
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.ubj import check_booster

#: Trees are grown in groups, each without one part of the rows: what a group says of its part is what a forest
#: says of rows that it has not seen.
GROUPS = 5

#: Share of the mean deviation below which no left-out row's falls: all trees may agree, and still be wrong.
LEAST = 0.1


@final
class Forest(Regressor):
    """Random forest: deep trees on random rows and random features per split, averaged.

    Args:
        n_estimators: Number of trees.
        max_depth: Depth of a tree.
        subsample: Share of rows per tree, drawn without replacement; 0.632 is what a bootstrap sees.
        colsample: Share of features per split.
        n_jobs: Threads.
        random_state: Seed.

    References:
        L. Breiman, Random forests, Machine Learning 45 (2001), doi:10.1023/A:1010933404324. Differs: rows are drawn
        without replacement, and left-out errors come from five groups of trees in place of each tree's own rest.
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
        features, n = rows.astype(np.float32), len(rows)
        self.center_, self.scale_ = float(scores.mean()), float(scores.std()) or 1.0
        target = (scores - self.center_) / self.scale_
        rng = np.random.default_rng(self.random_state)
        groups = GROUPS if n >= 2 * GROUPS <= self.n_estimators else 1
        part = rng.permutation(n) % groups
        self.boosters_, self.leaves_ = [], []
        left_out = np.empty((2, n))
        for k in range(groups):
            seen = (part != k) | (groups == 1)
            size = (self.n_estimators + k) // groups
            booster = self._grow(features[seen], target[seen], None if weight is None else weight[seen], size, rng)
            raw = bytes(booster.save_raw("ubj"))
            self.boosters_.append(booster)
            self.leaves_.append(_leaf_values(raw, rows.shape[1]) * size)  # XGBoost divides by their number
            if groups > 1:
                own = self._each(k, features[~seen])
                left_out[:, ~seen] = own.mean(axis=1) - target[~seen], own.std(axis=1)
        error, deviation = np.abs(left_out[0]), left_out[1]
        enough = groups > 1 and deviation.any()
        self.errors_ = error / np.maximum(deviation, LEAST * deviation.mean()) if enough else np.empty(0)
        return self

    def left_out_errors(self) -> Floats:
        """Errors of each row under the trees that had not seen it, in their standard deviations, without sign."""
        return self.errors_

    def _predict(self, X: Any, return_std: bool) -> Floats | tuple[Floats, Floats]:
        features = check_features(self, X, allow_nan=True).astype(np.float32)
        if not return_std:
            shares = [leaves.shape[0] / self.n_estimators for leaves in self.leaves_]
            mean = sum(
                w * b.inplace_predict(features).astype(np.float64) for w, b in zip(shares, self.boosters_, strict=True)
            )
            return mean * self.scale_ + self.center_
        each = np.concatenate([self._each(k, features) for k in range(len(self.boosters_))], axis=1)
        return each.mean(axis=1) * self.scale_ + self.center_, each.std(axis=1) * self.scale_

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values = {"params": self.get_params(deep=False), "center": self.center_, "scale": self.scale_}
        values |= {"n_features_in": self.n_features_in_, "groups": len(self.boosters_)}
        arrays = {"errors": self.errors_} | {f"leaves-{k}": leaves for k, leaves in enumerate(self.leaves_)}
        return State(values, arrays, {f"forest-{k}": bytes(b.save_raw("ubj")) for k, b in enumerate(self.boosters_)})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        made = cls(**state.values["params"])
        made.center_, made.scale_ = float(state.values["center"]), float(state.values["scale"])
        made.n_features_in_, made.errors_ = int(state.values["n_features_in"]), state.arrays["errors"]
        groups = range(int(state.values["groups"]))
        made.leaves_ = [state.arrays[f"leaves-{k}"] for k in groups]
        made.boosters_ = [load_booster(state.boosters[f"forest-{k}"], made.n_features_in_, made.n_jobs) for k in groups]
        return made

    def _grow(
        self,
        X: npt.NDArray[np.float32],
        target: Floats,
        weight: Floats | None,
        size: int,
        rng: np.random.Generator,
    ) -> xgboost.Booster:
        parameters = {
            "max_depth": self.max_depth,
            "eta": 1.0,
            "num_parallel_tree": size,
            "subsample": self.subsample,
            "colsample_bynode": self.colsample,
            "lambda": 0.0,
            "min_child_weight": 0.0,
            "tree_method": "hist",
            "nthread": self.n_jobs,
            "seed": int(rng.integers(2**31 - 1)),
            "base_score": 0.0,
            "verbosity": 0,
        }
        data = xgboost.QuantileDMatrix(X, label=target, weight=weight, nthread=self.n_jobs)
        return xgboost.train(parameters, data, num_boost_round=1)

    def _each(self, group: int, X: npt.NDArray[np.float32]) -> Floats:
        """What each tree of a group predicts, standardised; shape (rows, trees)."""
        leaves = self.leaves_[group]
        leaf = self.boosters_[group].predict(xgboost.DMatrix(X, nthread=self.n_jobs), pred_leaf=True)
        return np.asarray(leaves[np.arange(len(leaves)), leaf.astype(np.int64).reshape(len(X), len(leaves))])

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
