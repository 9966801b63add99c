"""Gradient-boosted trees whose spread comes from models that each left out a part of the rows."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
import xgboost
from sklearn.utils import Tags

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.predictors.inputs import Floats, Regressor, check_features, check_training
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.ubj import check_booster

#: What is minimised, and XGBoost's name for it.
OBJECTIVES = {"squared": "reg:squarederror", "pairwise": "rank:pairwise"}

#: Partners that each row is compared with per tree, for the pairwise objective.
PAIRS = 8


@final
class BoostedTrees(Regressor):
    """XGBoost models, each trained without one fold of the rows; their mean predicts.

    The standard deviation has two parts: how far the models are from each other, and how far each was
    from the rows it had not seen. With fewer rows than two per model, or with a single model, all rows are
    seen and the second part is the standard deviation of y.

    Under the pairwise objective (LambdaMART) trees learn the order of the rows, all of one group. A line through
    what each model says of rows that it has not seen (or, with very few rows, of those it has) turns its output
    into scores again.

    Args:
        objective: "squared" or "pairwise".
        n_estimators: Trees per model.
        max_depth: Depth of a tree.
        learning_rate: Weight of each tree.
        subsample: Share of rows per tree.
        colsample: Share of features per tree.
        min_child_weight: Smallest number of rows in a leaf.
        n_models: Number of models, also of folds.
        n_jobs: Threads.
        random_state: Seed.

    References:
        C. Burges, From RankNet to LambdaRank to LambdaMART: an overview, MSR-TR-2010-82.
    """

    def __init__(
        self,
        *,
        objective: str = "squared",
        n_estimators: int = 300,
        max_depth: int = 4,
        learning_rate: float = 0.05,
        subsample: float = 0.8,
        colsample: float = 0.5,
        min_child_weight: float = 1.0,
        n_models: int = 5,
        n_jobs: int = 1,
        random_state: int = 0,
    ) -> None:
        self.objective = objective
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample = colsample
        self.min_child_weight = min_child_weight
        self.n_models = n_models
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train all models.

        Args:
            X: Features, shape (n, f); NaN = not known.
            y: Scores, shape (n,).
            sample_weight: Weight per row, shape (n,); not for the pairwise objective.
        """
        choose("objective", self.objective, OBJECTIVES)
        rows, scores, weight = check_training(self, X, y, sample_weight, allow_nan=True)
        features = rows.astype(np.float32)
        rng = np.random.default_rng(self.random_state)
        self.center_, self.scale_ = float(scores.mean()), float(scores.std()) or 1.0
        target = (scores - self.center_) / self.scale_
        n = len(target)
        fold = rng.permutation(n) % self.n_models
        held_out = n >= 2 * self.n_models > 2  # a single model has to see everything
        if self.objective == "pairwise" and weight is not None:
            if np.ptp(weight):
                raise InvalidInputError("sample_weight: pairs of rows have no weights; take objective='squared'")
            weight = None
        output = np.zeros(n)  # of the model that has not seen the row, else of the first
        said = np.empty((self.n_models, n))
        self.boosters_, self.lines_ = [], np.tile([self.scale_, self.center_], (self.n_models, 1))
        for k in range(self.n_models):
            seen = fold != k if held_out else np.ones(n, dtype=bool)
            seed = int(rng.integers(2**31 - 1))
            booster = self._train(features[seen], target[seen], None if weight is None else weight[seen], seed)
            self.boosters_.append(booster)
            said[k] = booster.inplace_predict(features)
            if self.objective == "pairwise":  # outputs of two models share neither zero nor unit
                unit = float(said[k, seen].std()) or 1.0
                self.lines_[k] = 1 / unit, -said[k, seen].mean() / unit
                said[k] = said[k] * self.lines_[k, 0] + self.lines_[k, 1]
            output = np.where(~seen if held_out else k == 0, said[k], output)
        if self.objective == "pairwise":
            slope = max(float(output @ target), 0.0) / (float(output @ output) or 1.0)
            self.lines_ = slope * self.scale_ * self.lines_ + [0.0, self.center_]
            output, said = slope * output, slope * said
        self.out_of_fold_ = output * self.scale_ + self.center_ if held_out else np.full(n, self.center_)
        self.noise_ = float(np.sqrt(np.mean((self.out_of_fold_ - scores) ** 2)))
        deviation = np.sqrt(self.noise_**2 + said.var(axis=0) * self.scale_**2)
        self.errors_ = (
            np.abs(self.out_of_fold_ - scores) / np.where(deviation, deviation, 1.0) if held_out else np.empty(0)
        )
        return self

    def left_out_errors(self) -> Floats:
        """Errors of each row under the model that had not seen it, in standard deviations, without sign.

        A little too large for new rows, which the mean of all models predicts.
        """
        return self.errors_

    def _predict(self, X: Any, return_std: bool) -> Floats | tuple[Floats, Floats]:
        features = check_features(self, X, allow_nan=True).astype(np.float32)
        each = np.stack([b.inplace_predict(features).astype(np.float64) for b in self.boosters_])
        each = each * self.lines_[:, :1] + self.lines_[:, 1:]
        mean = each.mean(axis=0)
        if not return_std:
            return mean
        return mean, np.sqrt(each.var(axis=0) + self.noise_**2)

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values = {"params": self.get_params(deep=False), "center": self.center_, "scale": self.scale_}
        values |= {"noise": self.noise_, "n_features_in": self.n_features_in_}
        boosters = {f"model-{k}": bytes(b.save_raw("ubj")) for k, b in enumerate(self.boosters_)}
        return State(values, {"out_of_fold": self.out_of_fold_, "errors": self.errors_, "lines": self.lines_}, boosters)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        made = cls(**state.values["params"])
        made.center_, made.scale_ = float(state.values["center"]), float(state.values["scale"])
        made.noise_, made.n_features_in_ = float(state.values["noise"]), int(state.values["n_features_in"])
        made.out_of_fold_, made.errors_ = state.arrays["out_of_fold"], state.arrays["errors"]
        made.lines_ = state.arrays["lines"]
        made.boosters_ = [
            load_booster(state.boosters[f"model-{k}"], made.n_features_in_, made.n_jobs) for k in range(made.n_models)
        ]
        return made

    def _train(self, X: npt.NDArray[np.float32], target: Floats, weight: Floats | None, seed: int) -> xgboost.Booster:
        parameters = {
            "objective": OBJECTIVES[self.objective],
            "max_depth": self.max_depth,
            "eta": self.learning_rate,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample,
            "min_child_weight": self.min_child_weight,
            "tree_method": "hist",
            "nthread": self.n_jobs,
            "seed": seed,
            "base_score": 0.0,
            "verbosity": 0,
        }
        data = xgboost.QuantileDMatrix(X, label=target, weight=weight, nthread=self.n_jobs)
        if self.objective == "pairwise":
            data.set_group([len(target)])
            parameters |= {"lambdarank_pair_method": "mean", "lambdarank_num_pair_per_sample": PAIRS}
        return xgboost.train(parameters, data, num_boost_round=self.n_estimators)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def load_booster(raw: bytes, n_features: int, n_jobs: int) -> xgboost.Booster:
    """A booster from its UBJ bytes, which may come from anywhere.

    Args:
        raw: What ``save_raw("ubj")`` gave.
        n_features: Number of features it was trained on.
        n_jobs: Threads for predicting.

    Raises:
        InvalidInputError: The bytes are not regression trees over that many features.
    """
    check_booster(raw, n_features)
    booster = xgboost.Booster({"nthread": n_jobs})
    try:
        booster.load_model(bytearray(raw))
    except xgboost.core.XGBoostError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InvalidInputError(f"booster: XGBoost cannot read it ({reason[:100]}); save the predictor again") from None
    return booster
