"""What every objective answers: how good is it, and what did it cost."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import Key

Floats = npt.NDArray[np.float64]
Epochs = npt.NDArray[np.int64]


class Evaluation(NamedTuple):
    """Results of n architectures.

    Attributes:
        scores: Shape (n,), or (n, m) for m metrics, each in its own unit; NaN = the evaluation failed.
        cost_s: What each cost in seconds, shape (n,); NaN = not known.
    """

    scores: Floats
    cost_s: Floats


class Objective(ABC):
    """Answers how good architectures are.

    Attributes:
        space: Space of the rows.
        direction: "max" if a higher score is better, "min" if a lower one is; of the first metric, where there are
            several.
        key: "row" or "canonical": what counts as the same architecture, and is not evaluated twice.
        metrics: What the scores are, by name.
        recorded: Whether scores and costs are looked up: then waiting for workers is simulated, by their recorded
            seconds, where else real processes work.
        timed: Whether ``cost_s`` is known, so that a budget can be in seconds.
        modules: What takes long to load before the first evaluation: worker processes load it once for all.
        device: Where it computes: GPUs are shared out among workers where it is "auto" or "cuda".
        at_once: Whether many rows cost little more than one; else they are evaluated, and kept, one by one.
    """

    space: SearchSpace
    direction: Direction
    key: Key
    metrics: tuple[str, ...] = ("score",)
    recorded: bool = False
    timed: bool = True
    modules: tuple[str, ...] = ()
    device: str = "cpu"
    at_once: bool = True

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The direction of each metric."""
        return (self.direction,)

    @property
    def signs(self) -> Floats:
        """What each metric is multiplied with so that higher is better, shape (m,): 1 or -1."""
        return np.array([1.0 if direction == "max" else -1.0 for direction in self.directions])

    @abstractmethod
    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Evaluate rows.

        Args:
            X: Shape (n, d).
            epochs: How long to train each, shape (n,); None = the objective's own.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What decides the scores, as JSON-able values: a run is only continued with the same."""

    def measured(self, X: Rows) -> npt.NDArray[np.bool_]:
        """Tell which rows can be evaluated at all, shape (n,); the others are neither proposed nor charged."""
        return np.ones(len(X), dtype=bool)

    def measured_rows(self) -> Rows | None:
        """All rows that can be evaluated, shape (m, d), where they are a small part of the space; else None."""
        return None

    def stream(self, X: Rows, epochs: Epochs | None = None) -> Iterator[tuple[npt.NDArray[np.int64], Evaluation]]:
        """Evaluate rows, and hand out results as they are finished, so that a kill loses none of them.

        Yields:
            Positions in ``X`` and their results, every position once, in any order.
        """
        if self.at_once:
            yield np.arange(len(X)), self.evaluate(X, epochs)
            return
        for i in range(len(X)):
            yield np.array([i]), self.evaluate(X[i : i + 1], None if epochs is None else epochs[i : i + 1])

    def truth(self, X: Rows, split: str) -> tuple[Floats, float]:
        """Scores of rows on a split, and the best score that exists there; for the report, never for a strategy.

        Raises:
            InvalidInputError: Not all results are known beforehand.
        """
        raise InvalidInputError(
            f"regret: expected an objective whose every result is known (TableObjective), got {type(self).__name__}; "
            "read result.best_score instead"
        )


def check_number(name: str, value: Any) -> None:
    """Raise an error unless a value is a number; NaN and infinities are."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidInputError(f"{name}: expected a number, got {value!r:.80}")


def check_whole(name: str, value: Any) -> None:
    """Raise an error unless a value is a whole number that fits into 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not -(2**63) <= value < 2**63:
        raise InvalidInputError(f"{name}: expected a whole number, got {value!r:.80}")


def check_space(value: Any) -> None:
    """Raise an error unless a value is a search space."""
    if not isinstance(value, SearchSpace):
        raise InvalidInputError(f"space: expected one, such as get_space('nas-bench-201'), got {value!r:.80}")


def check_objective(name: str, value: Any) -> None:
    """Raise an error unless a value is an objective."""
    if not isinstance(value, Objective):
        raise InvalidInputError(
            f"{name}: expected an objective, such as TableObjective(table, task=...), got {value!r:.80}"
        )


def check_directions(directions: tuple[Any, ...]) -> None:
    """Raise an error unless each is "max" or "min"."""
    for direction in directions:
        if direction not in ("max", "min"):
            raise InvalidInputError(f"direction: expected 'max' or 'min', got {direction!r}")
