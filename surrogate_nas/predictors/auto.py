"""The predictor to take when nothing speaks for another one."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction
from surrogate_nas.encodings import DepthFeatures, Encoder, GraphFeatures, NumberFeatures
from surrogate_nas.predictors.base import BasePredictor, Floats
from surrogate_nas.predictors.boosted import BoostedTrees
from surrogate_nas.predictors.gaussian_process import GaussianProcess
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.uncertainty import FEWEST, reach
from surrogate_nas.spaces.base import SearchSpace

#: Rows drawn from the space, with a fixed seed, over which features are standardised.
REFERENCE_ROWS = 2048

#: Weight of depth features beside graph features in the process's distances. There are many of them and each
#: says little: at full weight they make everything far from everything on the first dozen rows.
DEPTH_WEIGHT = 1 / 3

#: Share of the boosted trees in the mean; the Gaussian process has the rest.
TREES = 0.5

#: The one standard deviation that is returned fits intervals of this level; ``predict_interval`` fits all.
LEVEL = 0.8

#: Normal scores of side features are cut here: a proxy far outside of what was seen says no more than the end.
FARTHEST = 4.0


@final
class AutoPredictor(BasePredictor):
    """The recommended default: a Gaussian process and boosted trees on graph features, averaged.

    The two err differently: the process is better on a few dozen rows, trees on many, their mean is
    better than either at all sizes that were measured (``analysis/03_predictor_from_scratch.py``).
    Both meet in normal scores of the target, where a failed training is just the last in order; the
    width of intervals is set by leave-one-out errors.

    Args:
        space: The space of the rows; None means X already is floats.
        random_state: Seed.
        direction: "max" if a higher score is better, "min" if a lower one is.
    """

    def __init__(
        self, space: SearchSpace | None = None, random_state: int = 0, *, direction: Direction = "max"
    ) -> None:
        self.space = space
        self.random_state = random_state
        self.direction = direction

    def _fit(self, X: npt.NDArray[Any], y: Floats, extra: Floats | None, sample_weight: Floats | None) -> None:
        self.encoders_ = [] if self.space is None else _encoders(self.space)
        self._set_scale(X)
        self.extra_scores_ = [] if extra is None else [_scores_of(column) for column in extra.T]
        self.scores_ = NormalScores.of(y)
        floats = self._floats(X, extra)
        target = self.scores_.transform(y)
        self.process_ = GaussianProcess(
            groups=self._groups(floats.shape[1]), linear=False, standardize=False, random_state=self.random_state
        )
        self.process_.fit(floats, target, sample_weight)
        self.trees_ = BoostedTrees(
            n_estimators=200, learning_rate=0.07, colsample=0.25, random_state=self.random_state
        ).fit(floats, y, sample_weight)
        self.errors_ = self._errors(target)
        self.widen_ = reach(self.errors_, LEVEL) / reach(np.empty(0), LEVEL)

    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        if self.space is None or extra is not None:
            return self._predict_distinct(X, extra, return_std)
        # Rows that mean the same network have the same features: each network is predicted once.
        canonical = self.space.canonical(X)
        _, first, back = np.unique(self.space.keys(canonical), return_index=True, return_inverse=True)
        mean, std = self._predict_distinct(canonical[first], None, return_std)
        return mean[back], None if std is None else std[back]

    def _predict_distinct(
        self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool
    ) -> tuple[Floats, Floats | None]:
        mean, std = self._latent(X, extra, return_std)
        if std is None:
            return self.scores_.inverse(mean), None
        std = std * self.widen_
        return self.scores_.inverse(mean), (self.scores_.inverse(mean + std) - self.scores_.inverse(mean - std)) / 2

    def _predict_interval(self, X: npt.NDArray[Any], extra: Floats | None, level: float) -> tuple[Floats, Floats]:
        mean, std = self._latent(X, extra, True)
        half = reach(self.errors_, level) * (np.zeros(len(X)) if std is None else std)
        return self.scores_.inverse(mean - half), self.scores_.inverse(mean + half)

    def _left_out_errors(self) -> Floats:
        return self.errors_

    def _latent(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        """Mean in normal scores and, where asked for, the process's standard deviation there, not yet calibrated."""
        floats = self._floats(X, extra)
        trees = self.scores_.transform(self.trees_.predict(floats))
        if not return_std:
            return (1 - TREES) * self.process_.predict(floats) + TREES * trees, None
        mean, std = self.process_.predict(floats, return_std=True)
        return (1 - TREES) * mean + TREES * trees, std

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values: dict[str, Any] = {
            "random_state": self.random_state,
            "direction": self.direction,
            "n_extra": self.n_extra_,
        }
        values |= {"widen": self.widen_, "encoders": len(self.encoders_)}
        parts = {"space": self.space, "scores": self.scores_, "process": self.process_, "trees": self.trees_}
        parts |= {f"encoder-{i}": encoder for i, encoder in enumerate(self.encoders_)}
        parts |= {f"extra-{i}": scores for i, scores in enumerate(self.extra_scores_)}
        return State(values, {"center": self.center_, "scale": self.scale_, "errors": self.errors_}, parts=parts)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, parts = state.values, state.parts
        made = cls(parts["space"], values["random_state"], direction=values["direction"])
        made.n_extra_, made.widen_ = int(values["n_extra"]), float(values["widen"])
        made.center_, made.scale_, made.errors_ = (state.arrays[name] for name in ("center", "scale", "errors"))
        made.scores_, made.process_, made.trees_ = parts["scores"], parts["process"], parts["trees"]
        made.encoders_ = [parts[f"encoder-{i}"] for i in range(int(values["encoders"]))]
        made.extra_scores_ = [parts[f"extra-{i}"] for i in range(made.n_extra_)]
        return made

    def _set_scale(self, X: npt.NDArray[Any]) -> None:
        """Standardise over the space rather than over the few rows that were measured."""
        rows = X if self.space is None else self.space.sample(REFERENCE_ROWS, np.random.default_rng(0))
        blocks = self._blocks(rows)
        self.center_ = np.concatenate([block.mean(axis=0, dtype=np.float64) for block in blocks])
        deviation = np.concatenate([block.std(axis=0, dtype=np.float64) for block in blocks])
        weight = np.repeat([1.0, DEPTH_WEIGHT, 1.0][: len(blocks)], [block.shape[1] for block in blocks])
        self.scale_ = np.where(deviation > 1e-12, deviation, 1.0) / weight
        self.sizes_ = [block.shape[1] for block in blocks]

    def _blocks(self, X: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        return [encoder.transform(X) for encoder in self.encoders_] or [X]

    def _floats(self, X: npt.NDArray[Any], extra: Floats | None) -> Floats:
        """Standardised features of each encoder, then side features as normal scores."""
        width = len(self.center_)
        floats = np.empty((len(X), width + len(self.extra_scores_)))
        floats[:, :width] = np.concatenate(self._blocks(X), axis=1)
        floats[:, :width] -= self.center_
        floats[:, :width] /= self.scale_
        if extra is not None:
            for k, (scores, column) in enumerate(zip(self.extra_scores_, extra.T, strict=True), start=width):
                floats[:, k] = np.clip(np.nan_to_num(scores.transform(column), nan=0.0), -FARTHEST, FARTHEST)
        return floats

    def _groups(self, width: int) -> npt.NDArray[np.int64]:
        """Group of each column: one per encoder, one for all side features."""
        sizes = [*self.sizes_, width - sum(self.sizes_)]
        return np.repeat(np.arange(len(sizes)), sizes)

    def _errors(self, target: Floats) -> Floats:
        """Errors of left-out rows under the mean of both members, in the process's standard deviations."""
        residual, std = self.process_.leave_one_out()
        if len(residual) < FEWEST:
            return np.empty(0)
        trees = (target - self.scores_.transform(self.trees_.out_of_fold_))[self.process_.kept_]
        return np.abs((1 - TREES) * residual + TREES * trees) / np.maximum(std, 1e-12)


def _encoders(space: SearchSpace) -> list[Encoder]:
    encoders = [GraphFeatures(space, pairs=False).fit(), DepthFeatures(space).fit()]
    return [*encoders, NumberFeatures(space).fit()] if space.ordinal.any() else encoders


def _scores_of(column: Floats) -> NormalScores:
    known = column[~np.isnan(column)]
    return NormalScores.of(known if len(known) else np.zeros(1))
