"""The predictor to take when nothing speaks for another one."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, spawn_seeds
from surrogate_nas.core.random import RandomState
from surrogate_nas.encodings import DepthFeatures, Encoder, GraphFeatures, NumberFeatures, OneHotEncoder
from surrogate_nas.predictors.base import BasePredictor, Floats
from surrogate_nas.predictors.boosted import BoostedTrees
from surrogate_nas.predictors.gaussian_process import GaussianProcess
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.predictors.stacking import Member, weigh
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.uncertainty import reach
from surrogate_nas.spaces.base import SearchSpace

#: Rows drawn from the space, with a fixed seed, over which features are standardised.
REFERENCE_ROWS = 2048

#: Weight of depth features beside graph features in the process's distances. There are many of them and each
#: says little: at full weight they make everything far from everything on the first dozen rows.
DEPTH_WEIGHT = 1 / 3

#: Gaussian processes learn these shares of the score's own scale (see ``Member.fit``), with these prior weights.
#: The first sets the standard deviation.
PROCESSES = ((0.0, 2.0), (0.5, 1.0))

#: The same for boosted trees.
TREES = ((0.5, 1.0), (1.0, 2.0))

#: Prior weight of trees that also split on side features, beside those that read the architecture alone: on a few
#: hundred rows trees split on a proxy's noise, yet there are side features that tell more than the architecture.
SIDE = 0.25

#: The one standard deviation that is returned fits intervals of this level; ``predict_interval`` fits all.
LEVEL = 0.8

#: From this many rows on it is asked whether genes matter as they stand; they do if they leave this share of the
#: squared error on left-out rows. On NAS-Bench-201 about .2 for latencies and 1 for accuracies.
EXACT_FROM, CLEARLY = 30, 0.8

#: Normal scores of side features are cut here: a proxy far outside of what was seen says no more than the end.
FARTHEST = 4.0


@final
class AutoPredictor(BasePredictor):
    """The recommended default: Gaussian processes and boosted trees on graph features, half of the mean each.

    The two err differently, and their mean is better than either at all sizes that were measured. Each learns the
    score on two scales, from normal scores, where a failed training is just the last in order, to the score's own;
    which counts more is read off left-out rows (``analysis/12_auto_ablation.py`` leaves out one at a time).
    All meet in normal scores, where left-out errors also set the width of intervals.

    Args:
        space: The space of the rows; None means X already is floats.
        random_state: Seed or generator.
        direction: "max" if a higher score is better, "min" if a lower one is.
    """

    def __init__(
        self, space: SearchSpace | None = None, random_state: RandomState = 0, *, direction: Direction = "max"
    ) -> None:
        self.space = space
        self.random_state = random_state
        self.direction = direction

    def _fit(self, X: npt.NDArray[Any], y: Floats, extra: Floats | None, sample_weight: Floats | None) -> None:
        seed = self.random_state
        self.seed_ = int(seed) if isinstance(seed, int | np.integer) else spawn_seeds(seed, 1)[0]
        self.encoders_ = [] if self.space is None else _encoders(self.space)
        self.extra_scores_ = [] if extra is None else [_scores_of(column) for column in extra.T]
        self.scores_ = NormalScores.of(y)
        self.exact_ = False
        self._set_scale(X)
        floats = self._floats(X, extra)
        if self.space is not None and len(X) >= EXACT_FROM and not np.array_equal(self.space.canonical(X), X):
            floats = self._with_genes_if_they_matter(self.space, X, y, extra, floats)
        processes = [self._process(floats, y, sample_weight, *scale) for scale in PROCESSES]
        wanted = [(len(self.center_), raw, prior) for raw, prior in TREES]
        if extra is not None:
            wanted += [(floats.shape[1], raw, SIDE * prior) for raw, prior in TREES]
        trees = [self._trees(floats, y, sample_weight, k, *scale) for k, scale in enumerate(wanted)]
        self.members_ = [*processes, *trees]
        self.weights_ = np.concatenate([weigh(processes, y), weigh(trees, y)]) / 2
        self.errors_ = self._errors(self.scores_.transform(y))
        self.widen_ = reach(self.errors_, LEVEL) / reach(np.empty(0), LEVEL)

    def _with_genes_if_they_matter(
        self, space: SearchSpace, X: npt.NDArray[Any], y: Floats, extra: Floats | None, floats: Floats
    ) -> Floats:
        """Add the genes as they stand where left-out scores are then predicted clearly better.

        Accuracy is that of what a network computes, but devices also run operations whose result nobody reads.
        """
        encoders, error = self.encoders_, self._left_out_error(floats, y)
        self.encoders_ = [*encoders, OneHotEncoder(space).fit()]
        self._set_scale(X)
        exact = self._floats(X, extra)
        self.exact_ = self._left_out_error(exact, y) < CLEARLY * error
        if self.exact_:
            return exact
        self.encoders_ = encoders
        self._set_scale(X)
        return floats

    def _left_out_error(self, floats: Floats, y: Floats) -> float:
        """Mean squared error of a process in normal scores on left-out rows."""
        process = GaussianProcess(groups=self._groups(floats.shape[1]), standardize=False)
        return float(np.mean(process.fit(floats, self.scores_.transform(y)).leave_one_out()[0] ** 2))

    def _process(self, floats: Floats, y: Floats, weight: Floats | None, raw: float, prior: float) -> Member:
        groups = self._groups(floats.shape[1])
        model = GaussianProcess(groups=groups, standardize=False, random_state=self.seed_)
        return Member.fit(model, floats, y, weight, raw=raw, width=floats.shape[1], prior=prior)

    def _trees(
        self, floats: Floats, y: Floats, weight: Floats | None, k: int, width: int, raw: float, prior: float
    ) -> Member:
        # A seed of its own for each: what folds and draws have in common does not average out.
        seed = self.seed_ + k
        model = BoostedTrees(n_estimators=200, learning_rate=0.07, colsample=0.25, random_state=seed)
        return Member.fit(model, floats, y, weight, raw=raw, width=width, prior=prior)

    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        if self.space is None or extra is not None or self.exact_:
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

    def left_out(self) -> Floats:
        """What each training row would be expected to score had it not been seen, (n,); NaN = not known."""
        return self.scores_.inverse(self.weights_ @ np.stack([member.left_out for member in self.members_]))

    def _merit(self, X: npt.NDArray[Any], extra: Floats | None) -> tuple[Floats, Floats]:
        mean, std = self._latent(X, extra, True)
        return mean if self.direction == "max" else -mean, self.widen_ * (np.zeros(len(X)) if std is None else std)

    def _left_out_errors(self) -> Floats:
        return self.errors_

    def _latent(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        """Mean in normal scores and, where asked for, a process's standard deviation there, not yet calibrated."""
        floats = self._floats(X, extra)
        first, std = self.members_[0], None
        if return_std:
            mean, std = first.model.predict(floats, return_std=True)
            mean = first.back.transform(mean)
        else:
            mean = first.predict(floats)
        rest = zip(self.weights_[1:], self.members_[1:], strict=True)
        return sum((w * member.predict(floats) for w, member in rest), start=self.weights_[0] * mean), std

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        values: dict[str, Any] = {
            "random_state": self.seed_,
            "direction": self.direction,
            "n_extra": self.n_extra_,
        }
        values |= {
            "exact": self.exact_,
            "widen": self.widen_,
            "encoders": len(self.encoders_),
            "members": len(self.members_),
        }
        parts: dict[str, Any] = {"space": self.space, "scores": self.scores_}
        parts |= {f"encoder-{i}": encoder for i, encoder in enumerate(self.encoders_)}
        parts |= {f"extra-{i}": scores for i, scores in enumerate(self.extra_scores_)}
        parts |= {f"member-{i}": member for i, member in enumerate(self.members_)}
        return State(values, {name: getattr(self, name + "_") for name in _ARRAYS}, parts=parts)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, parts = state.values, state.parts
        made = cls(parts["space"], values["random_state"], direction=values["direction"])
        made.n_extra_, made.widen_ = int(values["n_extra"]), float(values["widen"])
        for name in _ARRAYS:
            setattr(made, name + "_", state.arrays[name])
        made.scores_, made.exact_ = parts["scores"], bool(values["exact"])
        made.members_ = [parts[f"member-{i}"] for i in range(int(values["members"]))]
        made.encoders_ = [parts[f"encoder-{i}"] for i in range(int(values["encoders"]))]
        made.extra_scores_ = [parts[f"extra-{i}"] for i in range(made.n_extra_)]
        return made

    def _set_scale(self, X: npt.NDArray[Any]) -> None:
        """Standardise over the space rather than over the few rows that were measured."""
        rows = X if self.space is None else self.space.sample(REFERENCE_ROWS, np.random.default_rng(0))
        blocks = self._blocks(rows)
        self.center_ = np.concatenate([block.mean(axis=0, dtype=np.float64) for block in blocks])
        deviation = np.concatenate([block.std(axis=0, dtype=np.float64) for block in blocks])
        weight = np.repeat([1.0, DEPTH_WEIGHT, 1.0, 1.0][: len(blocks)], [block.shape[1] for block in blocks])
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
        """Errors of left-out rows under the weighted mean, in the first process's standard deviations."""
        process = self.members_[0].model
        if len(process.kept_) < 2:
            return np.empty(0)
        left_out = self.weights_ @ np.stack([member.left_out[process.kept_] for member in self.members_])
        return np.abs(target[process.kept_] - left_out) / np.maximum(process.leave_one_out()[1], 1e-12)


_ARRAYS = ("center", "scale", "errors", "weights")


def _encoders(space: SearchSpace) -> list[Encoder]:
    encoders = [GraphFeatures(space, pairs=False).fit(), DepthFeatures(space).fit()]
    return [*encoders, NumberFeatures(space).fit()] if space.ordinal.any() else encoders


def _scores_of(column: Floats) -> NormalScores:
    known = column[~np.isnan(column)]
    return NormalScores.of(known if len(known) else np.zeros(1))
