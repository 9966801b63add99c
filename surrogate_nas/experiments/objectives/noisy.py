"""Noise: how a search fares when the same training does not give the same score again."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.objectives.base import (
    Epochs,
    Evaluation,
    Floats,
    Objective,
    check_number,
    check_objective,
    check_whole,
)
from surrogate_nas.experiments.objectives.table import TableObjective
from surrogate_nas.spaces.base import Rows


@final
class NoisyObjective(Objective):
    """Adds normal noise to another objective's scores.

    The draw belongs to the architecture (and its epochs): asked again, or after a kill, it is the same. Regret is
    of the scores without noise.

    Args:
        objective: What is searched on; one metric.
        std: Standard deviation of the noise, in the metric's unit.
        random_state: Which noise.
    """

    def __init__(self, objective: Objective, *, std: float, random_state: int = 0) -> None:
        _one_metric(objective)
        check_number("std", std)
        check_whole("random_state", random_state)
        if not 0 <= std < np.inf:
            raise InvalidInputError(f"std: expected a number of at least 0, got {std!r}")
        self.objective = objective
        self.std = std
        self.random_state = random_state
        self.space, self.direction, self.key = objective.space, objective.direction, objective.key
        self.metrics, self.recorded = objective.metrics, objective.recorded
        self.timed, self.at_once = objective.timed, objective.at_once

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """The other objective's scores with noise; failures stay failures."""
        scores, cost_s = self.objective.evaluate(X, epochs)
        return Evaluation(scores + self.std * self._draws(X, epochs), cost_s)

    def describe(self) -> dict[str, Any]:
        """What the noise is added to, and which noise."""
        return {"of": self.objective.describe(), "noise": self.std, "noise_seed": self.random_state}

    def measured(self, X: Rows) -> npt.NDArray[np.bool_]:
        """As without noise."""
        return self.objective.measured(X)

    def measured_rows(self) -> Rows | None:
        """As without noise."""
        return self.objective.measured_rows()

    def truth(self, X: Rows, split: str) -> tuple[Floats, float]:
        """Scores without noise."""
        return self.objective.truth(X, split)

    def _draws(self, X: Rows, epochs: Epochs | None) -> Floats:
        u, v = _uniform(X, epochs, self.random_state).T
        return np.asarray(np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v))  # Box and Muller


@final
class ReplicatedObjective(Objective):
    """Answers with one of the recorded trainings of each architecture, drawn at random.

        ReplicatedObjective([TableObjective(table, task="a", seed=s) for s in (0, 1, 2)])

    The draw belongs to the architecture: asked again, or after a kill, it is the same. Regret is of the means
    over all recorded trainings.

    Args:
        objectives: The same column of one table under several training seeds.
        random_state: Which draw.
    """

    recorded = True

    def __init__(self, objectives: Sequence[TableObjective], *, random_state: int = 0) -> None:
        _tables(objectives)
        check_whole("random_state", random_state)
        self.objectives = tuple(objectives)
        kinds = {(id(o.table), o.column.task, o.column.metric, o.column.split, o.column.epochs) for o in objectives}
        if len(kinds) != 1:
            raise InvalidInputError(
                f"objectives: expected one column of a table under several seeds, got {len(kinds)} different columns"
            )
        first = self.objectives[0]
        self.random_state = random_state
        self.space, self.direction, self.key = first.space, first.direction, first.key
        self.metrics = first.metrics
        self.timed = all(o.timed for o in self.objectives)

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Score and cost of the training drawn for each row."""
        drawn = (_uniform(X, epochs, self.random_state)[:, 0] * len(self.objectives)).astype(np.int64)
        parts = [o.evaluate(X, epochs) for o in self.objectives]
        at = drawn, np.arange(len(X))
        return Evaluation(np.array([p.scores for p in parts])[at], np.array([p.cost_s for p in parts])[at])

    def describe(self) -> dict[str, Any]:
        """The recorded trainings, and which draw."""
        return {"of": [o.describe() for o in self.objectives], "noise_seed": self.random_state}

    def measured(self, X: Rows) -> npt.NDArray[np.bool_]:
        """Tell which rows have a score under every seed."""
        return np.all([o.measured(X) for o in self.objectives], axis=0)

    def measured_rows(self) -> Rows | None:
        """The rows with a score under every seed, where they are a small part of the space."""
        rows = self.objectives[0].measured_rows()
        return None if rows is None else rows[self.measured(rows)]

    def truth(self, X: Rows, split: str) -> tuple[Floats, float]:
        """Means over the recorded trainings, and the best mean there is."""
        rows = self.objectives[0].table.X
        both = np.concatenate([X, rows])
        means = np.mean([o.truth(both, split)[0] for o in self.objectives], axis=0)
        best = (np.nanmax if self.direction == "max" else np.nanmin)(means[len(X) :])
        return means[: len(X)], float(best)


def _tables(objectives: Any) -> None:
    if not isinstance(objectives, Sequence) or not all(isinstance(o, TableObjective) for o in objectives):
        raise InvalidInputError(f"objectives: expected a list of TableObjective, got {objectives!r:.80}")


def _one_metric(objective: Objective) -> None:
    check_objective("objective", objective)
    if len(objective.metrics) > 1:
        raise InvalidInputError(
            f"objective: expected one metric, got {', '.join(objective.metrics)}; add noise to each of them"
        )


def _uniform(X: Rows, epochs: Epochs | None, seed: int) -> Floats:
    """Two numbers in [0, 1) per row that depend on the row, its epochs and the seed alone, shape (n, 2)."""
    key = int(seed).to_bytes(8, "little", signed=True)
    lengths = np.zeros(len(X), dtype=np.int64) if epochs is None else np.asarray(epochs, dtype=np.int64)
    digests = (
        blake2b(x.tobytes() + n.tobytes(), digest_size=16, key=key).digest()
        for x, n in zip(np.ascontiguousarray(X, dtype=np.int16), lengths, strict=True)
    )
    bits = np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)
    return np.asarray((bits >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
