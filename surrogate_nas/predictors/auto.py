"""The predictor to take when nothing speaks for another one."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction
from surrogate_nas.encodings import DepthFeatures, Encoder, GraphFeatures
from surrogate_nas.predictors.base import BasePredictor, Floats
from surrogate_nas.predictors.boosted import BoostedTrees
from surrogate_nas.predictors.gaussian_process import GaussianProcess
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.predictors.state import State
from surrogate_nas.spaces.base import SearchSpace

#: Rows drawn from the space, with a fixed seed, over which features are standardised.
REFERENCE_ROWS = 2048

#: Share of the boosted trees in the mean; the Gaussian process has the rest.
TREES = 0.5

#: Fewest rows from which the width of intervals is calibrated; below, the process's own is kept.
CALIBRATE_FROM = 10

#: 80% of a normal distribution lie within this many standard deviations.
WITHIN_80 = 1.2816


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
        floats, sizes = self._floats(X, extra)
        target = self.scores_.transform(y)
        groups = np.repeat(np.arange(len(sizes)), sizes)
        self.process_ = GaussianProcess(groups=groups, standardize=False, random_state=self.random_state)
        self.process_.fit(floats, target, sample_weight)
        self.trees_ = BoostedTrees(random_state=self.random_state).fit(floats, y, sample_weight)
        self.widen_ = self._calibrate(target)

    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        floats, _ = self._floats(X, extra)
        trees = self.scores_.transform(self.trees_.predict(floats))
        if not return_std:
            return self.scores_.inverse((1 - TREES) * self.process_.predict(floats) + TREES * trees), None
        mean, std = self.process_.predict(floats, return_std=True)
        mean = (1 - TREES) * mean + TREES * trees
        std = std * self.widen_
        return self.scores_.inverse(mean), (self.scores_.inverse(mean + std) - self.scores_.inverse(mean - std)) / 2

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
        return State(values, {"center": self.center_, "scale": self.scale_}, parts=parts)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, parts = state.values, state.parts
        made = cls(parts["space"], values["random_state"], direction=values["direction"])
        made.n_extra_, made.widen_ = int(values["n_extra"]), float(values["widen"])
        made.center_, made.scale_ = state.arrays["center"], state.arrays["scale"]
        made.scores_, made.process_, made.trees_ = parts["scores"], parts["process"], parts["trees"]
        made.encoders_ = [parts[f"encoder-{i}"] for i in range(int(values["encoders"]))]
        made.extra_scores_ = [parts[f"extra-{i}"] for i in range(made.n_extra_)]
        return made

    def _set_scale(self, X: npt.NDArray[Any]) -> None:
        """Standardise over the space rather than over the few rows that were measured."""
        rows = X if self.space is None else self.space.sample(REFERENCE_ROWS, np.random.default_rng(0))
        encoded = self._encoded(rows)
        self.center_ = encoded.mean(axis=0, dtype=np.float64)
        deviation = encoded.std(axis=0, dtype=np.float64)
        self.scale_ = np.where(deviation > 1e-12, deviation, 1.0)

    def _encoded(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([e.transform(X) for e in self.encoders_], axis=1) if self.encoders_ else X

    def _floats(self, X: npt.NDArray[Any], extra: Floats | None) -> tuple[Floats, list[int]]:
        """Standardised features, then side features as normal scores; and how many of each."""
        floats = (self._encoded(X) - self.center_) / self.scale_
        if extra is None:
            return floats, [floats.shape[1]]
        columns = zip(self.extra_scores_, extra.T, strict=True)
        side = np.stack([np.nan_to_num(scores.transform(column), nan=0.0) for scores, column in columns], axis=1)
        return np.concatenate([floats, np.clip(side, -4, 4)], axis=1), [floats.shape[1], side.shape[1]]

    def _calibrate(self, target: Floats) -> float:
        """Factor on the process's standard deviation after which 80% of left-out rows lie within 80% intervals."""
        residual, std = self.process_.leave_one_out()
        if len(residual) < CALIBRATE_FROM:
            return 1.0
        kept = self.process_.kept_
        trees = target - self.scores_.transform(self.trees_.out_of_fold_)
        error = np.abs((1 - TREES) * residual + TREES * trees[kept]) / np.maximum(std, 1e-12)
        return float(np.quantile(error, 0.8) / WITHIN_80)


def _encoders(space: SearchSpace) -> list[Encoder]:
    return [GraphFeatures(space).fit(), DepthFeatures(space).fit()]


def _scores_of(column: Floats) -> NormalScores:
    known = column[~np.isnan(column)]
    return NormalScores.of(known if len(known) else np.zeros(1))
