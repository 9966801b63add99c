"""Several metrics at once, and their weighted sum."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.experiments.objectives.base import (
    Epochs,
    Evaluation,
    Floats,
    Objective,
    check_number,
    check_objective,
)
from surrogate_nas.experiments.objectives.table import TableObjective
from surrogate_nas.spaces.base import Rows


@final
class MultiObjective(Objective):
    """Answers with the scores of several objectives side by side, each in its own unit and direction.

    They may be metrics of one task, several tasks, or tables with a predictor:

        MultiObjective((TableObjective(table, task="a"), TableObjective(table, task="a", metric="latency")))

    An architecture costs the sum of what they cost; scores of the same training are paid for once.

    Args:
        objectives: One or more objectives of one metric each, on the same space; with names where their metrics
            have the same one.

    Raises:
        InvalidInputError: There are none, or they differ in space, or two metrics have the same name.
    """

    def __init__(self, objectives: Sequence[Objective] | Mapping[str, Objective]) -> None:
        names: tuple[str, ...] = ()
        if isinstance(objectives, Mapping):
            names, objectives = tuple(objectives), tuple(objectives.values())
        self.objectives: tuple[Objective, ...] = _listed(objectives)
        _check(self.objectives, names)
        first = self.objectives[0]
        self.metrics = names or tuple(o.metrics[0] for o in self.objectives)
        if len(set(self.metrics)) < len(self.metrics):
            raise InvalidInputError(
                f"objectives: expected metrics of different names, got {', '.join(self.metrics)}; name them: "
                "MultiObjective({'first': ..., 'second': ...})"
            )
        self.space = first.space
        self.direction = first.direction
        self.key = "row" if any(o.key == "row" for o in self.objectives) else "canonical"
        self.recorded = all(o.recorded for o in self.objectives)
        self.timed = any(o.timed for o in self.objectives)
        self.at_once = all(o.at_once for o in self.objectives)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The direction of each metric."""
        return tuple(o.direction for o in self.objectives)

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Ask each objective: scores of shape (n, m)."""
        parts = [o.evaluate(X, epochs) for o in self.objectives]
        paid: dict[Any, Floats] = {_training(o): part.cost_s for o, part in zip(self.objectives, parts, strict=True)}
        costs = np.array(list(paid.values()))
        unknown = np.isnan(costs)
        cost_s = np.where(unknown.all(axis=0), np.nan, np.where(unknown, 0.0, costs).sum(axis=0))
        return Evaluation(np.stack([part.scores for part in parts], axis=1), cost_s)

    def describe(self) -> dict[str, Any]:
        """What each objective says, by metric."""
        return {name: o.describe() for name, o in zip(self.metrics, self.objectives, strict=True)}

    def measured(self, X: Rows) -> npt.NDArray[np.bool_]:
        """Tell which rows every objective can evaluate."""
        return np.all([o.measured(X) for o in self.objectives], axis=0)

    def measured_rows(self) -> Rows | None:
        """The rows that every objective can evaluate, where one of them knows a small part of the space only."""
        some = [rows for o in self.objectives if (rows := o.measured_rows()) is not None]
        if not some:
            return None
        rows = min(some, key=len)
        return rows[self.measured(rows)]


@final
class WeightedObjective(Objective):
    """One score from several metrics: their weighted sum, of which more is better.

        WeightedObjective(objective, {"accuracy": 1.0, "latency": -0.5})     # a point is worth two milliseconds

    Args:
        objective: An objective with several metrics.
        weights: How much a unit of each metric is worth; negative for what should be low.

    Raises:
        InvalidInputError: The weights are not those of the metrics, or reward what should be low.
    """

    direction = "max"

    def __init__(self, objective: Objective, weights: Mapping[str, float]) -> None:
        check_objective("objective", objective)
        _check_weights(weights, objective.metrics)
        for name, direction in zip(objective.metrics, objective.directions, strict=True):
            if not 0 <= (weights[name] if direction == "max" else -weights[name]) < np.inf:
                sign = "positive" if direction == "max" else "negative"
                raise InvalidInputError(f"weights: expected a {sign} one for {name}, got {weights[name]!r}")
        self.objective = objective
        self.weights = dict(weights)
        self.space, self.key = objective.space, objective.key
        self.recorded, self.timed, self.at_once = objective.recorded, objective.timed, objective.at_once
        self._factors = np.array([weights[name] for name in objective.metrics], dtype=np.float64)

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """The sum for each row; NaN where one metric is NaN."""
        scores, cost_s = self.objective.evaluate(X, epochs)
        return Evaluation(scores.reshape(len(X), -1) @ self._factors, cost_s)

    def describe(self) -> dict[str, Any]:
        """The metrics and their weights."""
        return {"of": self.objective.describe(), "weights": self.weights}

    def measured(self, X: Rows) -> npt.NDArray[np.bool_]:
        """As the metrics are."""
        return self.objective.measured(X)

    def measured_rows(self) -> Rows | None:
        """As the metrics are."""
        return self.objective.measured_rows()

    def truth(self, X: Rows, split: str) -> tuple[Floats, float]:
        """Sums on a split (metrics without splits are what they are), and the best one there is."""
        several = self.objective.objectives if isinstance(self.objective, MultiObjective) else (self.objective,)
        parts = [o for o in several if isinstance(o, TableObjective)]
        if len(parts) < len(self.objective.metrics):
            return super().truth(X, split)
        both = np.concatenate([X, parts[0].table.X])
        truths = [o.truth(both, split if o.column.split else "")[0] for o in parts]
        sums = np.stack(truths, axis=1) @ self._factors
        return sums[: len(X)], float(np.nanmax(sums[len(X) :]))


def _listed(objectives: Any) -> tuple[Any, ...]:
    if not isinstance(objectives, Iterable):
        raise InvalidInputError(f"objectives: expected a list of objectives, or them by name, got {objectives!r:.80}")
    return tuple(objectives)


def _check_weights(weights: Any, metrics: tuple[str, ...]) -> None:
    named = isinstance(weights, Mapping)
    if not named or set(weights) != set(metrics):
        got = (", ".join(map(str, weights)) or "none") if named else repr(weights)
        raise InvalidInputError(f"weights: expected one for each of {', '.join(metrics)}, got {got:.80}")
    for name in metrics:
        check_number(f"weights[{name!r}]", weights[name])


def _check(objectives: tuple[Any, ...], names: tuple[Any, ...]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise InvalidInputError(f"objectives: expected names that are text, got {name!r:.80}")
    if not objectives:
        raise InvalidInputError("objectives: expected at least one, got none")
    for o in objectives:
        if not isinstance(o, Objective) or len(o.metrics) > 1:
            raise InvalidInputError(f"objectives: expected objectives of one metric each, got {type(o).__name__}")
        if o.space.name != objectives[0].space.name:
            raise InvalidInputError(
                f"objectives: expected all of them on space {objectives[0].space.name!r}, got {o.space.name!r}"
            )


def _training(objective: Objective) -> Any:
    """What an evaluation pays for: two metrics of one training cost the same as one of them."""
    if not isinstance(objective, TableObjective):
        return id(objective)
    column = objective.column
    return id(objective.table), column.task, column.epochs, column.seed, objective.cost
