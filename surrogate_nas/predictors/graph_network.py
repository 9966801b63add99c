"""An ensemble of graph networks on the architectures themselves, without features made by hand."""

from typing import Any, Self, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.predictors.base import BasePredictor, Floats
from surrogate_nas.predictors.graph_network_layers import GraphTensors, Shape, Vocabulary, embed, initial, score
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.predictors.state import State
from surrogate_nas.predictors.torch_ensemble import (
    Parameters,
    Schedule,
    from_arrays,
    ranking_loss,
    rows_seen,
    squared_loss,
    to_arrays,
    train,
)
from surrogate_nas.predictors.uncertainty import reach
from surrogate_nas.spaces.base import SearchSpace

#: Updates per epoch, and the fewest rows in one of them. A share of the rows in place of a number, because the more
#: rows pairs are drawn from, the more they say, and because twenty small updates take as long as twenty large ones.
BATCHES, SMALLEST_BATCH = 4, 64

#: The schedule's other half; margin of the ranking loss.
LEARNING_RATE, WEIGHT_DECAY, MARGIN = 1e-2, 1e-2, 0.1

#: Normal scores of side features are cut here: a proxy far outside of what was seen says no more than the end.
FARTHEST = 4.0

#: Slope from standardised scores to normal scores before anything was left out, and how many rows it is worth.
PRIOR_SLOPE, PRIOR_ROWS = 0.6, 4.0

#: Smallest slope: what networks say may be worth little, but its order stays.
LEAST_SLOPE = 0.02

#: Networks evaluated at once.
BLOCK = 512


@final
class GraphNetwork(BasePredictor):
    """Graph networks that follow the signal through an architecture, forwards and back; their mean predicts.

    A node sums up what its predecessors send it, weighed by what its operation looks for (attention), mixes the sum,
    and its operation's gate decides what passes. A second sweep leads from the output back to the input, and a small
    head turns both ends, with the side features, into a score. Operations are a learned embedding plus their
    attributes, which all spaces share; identities are edges. Networks learn the order of the measured architectures
    rather than their scores; rows that one of them had to do without say which score its own stands for, and how
    sure it is.

    Args:
        space: The space of the rows.
        n_models: Networks; all are trained at once, each without one fold of the rows.
        hidden: Numbers that travel along edges.
        epochs: Passes over the rows; four updates each, also where fewer rows make it several passes.
        attention: Whether edges have learned weights.
        backward: Whether there is a sweep back.
        ranking: Whether pairs are ranked (hinge loss); else normal scores are fitted (squared loss).
        random_state: Seed.
        device: Where it is computed: "cpu", "cuda", "cuda:1" ...
        direction: "max" if a higher score is better, "min" if a lower one is.

    References:
        X. Ning et al., A generic graph-based neural architecture encoding scheme for predictor-based NAS, ECCV 2020,
        arXiv:2004.01899 (GATES: operations as gates on what flows; ranking loss), and TA-GATES, NeurIPS 2022
        (a sweep back, as in training). V. Thost, J. Chen, Directed acyclic graph neural networks, ICLR 2021,
        arXiv:2101.07965 (nodes in topological order, attention over predecessors, both directions).
        Y. Akhauri, M. S. Abdelfattah, Encodings for prediction-based neural architecture search, ICML 2024,
        arXiv:2403.02484 (FLAN). The form of the update and the calibration are ours.
    """

    def __init__(
        self,
        space: SearchSpace | None,
        *,
        n_models: int = 8,
        hidden: int = 32,
        epochs: int = 60,
        attention: bool = True,
        backward: bool = True,
        ranking: bool = True,
        random_state: int = 0,
        device: str = "cpu",
        direction: Direction = "max",
    ) -> None:
        self.space = space
        self.n_models = n_models
        self.hidden = hidden
        self.epochs = epochs
        self.attention = attention
        self.backward = backward
        self.ranking = ranking
        self.random_state = random_state
        self.device = device
        self.direction = direction

    def _fit(self, X: npt.NDArray[Any], y: Floats, extra: Floats | None, sample_weight: Floats | None) -> None:
        _check_device(self.device)
        generator = torch.Generator().manual_seed(self.random_state)
        self.scores_ = NormalScores.of(y)
        self.extra_scores_ = [] if extra is None else [_scores_of(column) for column in extra.T]
        self.vocabulary_ = Vocabulary.of(self._space)
        target = self.scores_.transform(y)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight / sample_weight.mean()
        seen = rows_seen(len(y), self.n_models, generator)
        self.parameters_ = self._train(X, extra, target, seen * torch.from_numpy(weight), generator)
        self._calibrate(self._raw_scores(X, extra), target, seen.numpy())

    def _train(
        self, X: npt.NDArray[Any], extra: Floats | None, target: Floats, weight: Tensor, generator: torch.Generator
    ) -> Parameters:
        """Parameters after all passes; weight of rows for networks of shape (m, n)."""
        shape = Shape(self.hidden, self.attention, self.backward)
        start = initial(self.n_models, shape, self.vocabulary_, self.n_extra_, generator)
        start = {name: tensor.to(self.device) for name, tensor in start.items()}
        like = start["head"]
        vocabulary = self.vocabulary_.to(like)
        graphs, back = GraphTensors.of(self._space, X)
        graphs = graphs[torch.from_numpy(back)].to(like)
        side = None if extra is None else torch.from_numpy(self._side(extra)).to(like)
        goal, shares = torch.from_numpy(target).to(like), weight.to(like)

        def loss(parameters: Parameters, rows: Tensor) -> Tensor:
            embedded = embed(parameters, vocabulary, graphs[rows])
            scores = score(parameters, embedded, None if side is None else side[rows])
            if self.ranking:
                return ranking_loss(scores, goal[rows], shares[:, rows], MARGIN)
            return squared_loss(scores, goal[rows], shares[:, rows])

        batch = max(SMALLEST_BATCH, -(-len(target) // BATCHES))
        steps = self.epochs * BATCHES if np.ptp(target) > 0 else 0  # equal scores have nothing to teach
        plan = Schedule(steps, batch, LEARNING_RATE, WEIGHT_DECAY)
        return train(start, loss, len(target), plan, generator)

    @torch.no_grad()
    def _raw_scores(self, X: npt.NDArray[Any], extra: Floats | None) -> Floats:
        """What each network says, shape (m, n); in double precision, so that batches do not matter."""
        parameters = {name: tensor.to(self.device, torch.float64) for name, tensor in self.parameters_.items()}
        like = parameters["head"]
        vocabulary = self.vocabulary_.to(like)
        graphs, back = GraphTensors.of(self._space, X)  # each network is evaluated once
        blocks = [graphs[start : start + BLOCK].to(like) for start in range(0, len(graphs), BLOCK)]
        embedded = [embed(parameters, vocabulary, block) for block in blocks]
        if extra is None:
            return torch.cat([score(parameters, e, None) for e in embedded], dim=1).cpu().numpy()[:, back]
        side = torch.from_numpy(self._side(extra)).to(like)
        return score(parameters, torch.cat(embedded, dim=1)[:, torch.from_numpy(back)], side).cpu().numpy()

    def _calibrate(self, raw: Floats, target: Floats, seen: npt.NDArray[np.bool_]) -> None:
        """Put networks on one scale, and learn from left-out rows which normal score a score stands for."""
        self.center_ = raw.mean(axis=1, keepdims=True)
        self.spread_ = np.maximum(raw.std(axis=1, keepdims=True), 1e-9)
        each = (raw - self.center_) / self.spread_
        model, row = np.nonzero(~seen)
        left_out = each[model, row]
        slope = (left_out @ target[row] + PRIOR_ROWS * PRIOR_SLOPE) / (left_out @ left_out + PRIOR_ROWS)
        self.slope_ = max(float(slope), LEAST_SLOPE) if np.ptp(target) > 0 else 0.0
        error = target[row] - self.slope_ * left_out
        self.noise_ = float(np.sqrt(np.mean(error**2))) if len(row) else float(target.std())
        between = self.slope_ * each.std(axis=0)
        self.errors_ = np.abs(error) / np.maximum(np.hypot(between[row], self.noise_), 1e-12)

    def _normal_scores(self, X: npt.NDArray[Any], extra: Floats | None) -> tuple[Floats, Floats]:
        """Mean and standard deviation of normal scores, shape (n,) each."""
        each = self.slope_ * (self._raw_scores(X, extra) - self.center_) / self.spread_
        return each.mean(axis=0), np.hypot(each.std(axis=0), self.noise_)

    def _predict(self, X: npt.NDArray[Any], extra: Floats | None, return_std: bool) -> tuple[Floats, Floats | None]:
        mean, std = self._normal_scores(X, extra)
        half = (self.scores_.inverse(mean + std) - self.scores_.inverse(mean - std)) / 2 if return_std else None
        return self.scores_.inverse(mean), half

    def _predict_interval(self, X: npt.NDArray[Any], extra: Floats | None, level: float) -> tuple[Floats, Floats]:
        mean, std = self._normal_scores(X, extra)
        half = reach(self.errors_, level) * std
        return self.scores_.inverse(mean - half), self.scores_.inverse(mean + half)

    def _left_out_errors(self) -> Floats:
        return self.errors_

    @property
    def _space(self) -> SearchSpace:
        if self.space is None:
            raise InvalidInputError("GraphNetwork: expected a space, whose graphs it reads, got None; use MLPEnsemble")
        return self.space

    def _side(self, extra: Floats) -> Floats:
        """Side features as normal scores; one that is not known is an average one."""
        columns = [
            np.clip(np.nan_to_num(scores.transform(column), nan=0.0), -FARTHEST, FARTHEST)
            for scores, column in zip(self.extra_scores_, extra.T, strict=True)
        ]
        return np.stack(columns, axis=1)

    def get_state(self) -> State:
        """What has to be written down to predict the same numbers again."""
        params = {k: v for k, v in self.get_params(deep=False).items() if k != "space"}
        values = {"params": params, "n_extra": self.n_extra_, "slope": self.slope_, "noise": self.noise_}
        arrays = {"center": self.center_, "spread": self.spread_, "errors": self.errors_, **to_arrays(self.parameters_)}
        parts = {"space": self.space, "scores": self.scores_}
        return State(values, arrays, parts=parts | {f"extra-{i}": s for i, s in enumerate(self.extra_scores_)})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        values, arrays, parts = state.values, state.arrays, state.parts
        made = cls(parts["space"], **values["params"])
        made.n_extra_, made.slope_, made.noise_ = int(values["n_extra"]), float(values["slope"]), float(values["noise"])
        made.center_, made.spread_, made.errors_ = arrays["center"], arrays["spread"], arrays["errors"]
        made.parameters_ = from_arrays(arrays)
        made.scores_ = parts["scores"]
        made.extra_scores_ = [parts[f"extra-{i}"] for i in range(made.n_extra_)]
        made.vocabulary_ = Vocabulary.of(parts["space"])
        return made


def _check_device(name: str) -> None:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):  # what torch raises depends on how it was built
        raise InvalidInputError(f"device: expected cpu or a GPU that torch finds here, got {name!r}") from None


def _scores_of(column: Floats) -> NormalScores:
    known = column[~np.isnan(column)]
    return NormalScores.of(known if len(known) else np.zeros(1))
