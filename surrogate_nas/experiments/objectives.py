"""Objectives: how good is it, and what did it cost.

Scores are in the metric's own unit and sign; ``direction`` says which way is better. What only an
evaluation may know (test scores, the best there is) is not reachable from here for a strategy: it is
handed rows and scores by the run, and :meth:`Objective.truth` is read by the result alone.
"""

import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, Protocol, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import Key
from surrogate_nas.tables import TRAIN_TIME, Table

Floats = npt.NDArray[np.float64]
Epochs = npt.NDArray[np.int64]

#: Where fewer than one in so many architectures is measured, searches draw from those instead of from the space.
SPARSE = 20

#: Spaces with more codes than this are looked up row by row.
MAX_CODES = 2**20


class Evaluation(NamedTuple):
    """Results of n architectures.

    Attributes:
        scores: Shape (n,), in the metric's unit; NaN = the evaluation failed.
        cost_s: What each cost in seconds, shape (n,); NaN = not known.
    """

    scores: Floats
    cost_s: Floats


class Objective(ABC):
    """Answers how good architectures are.

    Attributes:
        space: Space of the rows.
        direction: "max" if a higher score is better, "min" if a lower one is.
        key: "row" or "canonical": what counts as the same architecture, and is not evaluated twice.
    """

    space: SearchSpace
    direction: Direction
    key: Key

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
        yield np.arange(len(X)), self.evaluate(X, epochs)

    def truth(self, X: Rows, split: str) -> tuple[Floats, float]:
        """Scores of rows on a split, and the best score that exists there; for the report, never for a strategy.

        Raises:
            InvalidInputError: Not all results are known beforehand.
        """
        raise InvalidInputError(
            f"regret: expected an objective whose every result is known (TableObjective), got {type(self).__name__}; "
            "read result.best_score instead"
        )


@final
class TableObjective(Objective):
    """Looks scores up in a table of earlier trainings.

    Args:
        table: The table.
        task: Which of its tasks.
        metric: None takes the task's default metric.
        split: The split that is searched on, not "test"; a metric without splits (latency ...) has none.
        epochs: Length of the schedule; None = the only one there is.
        seed: Training seed; None = the only one there is.

    Raises:
        InvalidInputError: ``split`` has test data in it, or several columns match; the message lists the choices.
        UnknownNameError: The table has no such task, metric, split, epochs or seed.
    """

    def __init__(
        self,
        table: Table,
        *,
        task: str,
        metric: str | None = None,
        split: str = "val",
        epochs: int | None = None,
        seed: int | str | None = None,
    ) -> None:
        if not isinstance(split, str):
            raise InvalidInputError(f"split: expected the split that is searched on, such as 'val', got {split!r}")
        if "test" in split.split("+"):  # some sources measured on validation and test images together
            raise InvalidInputError(
                f"split: expected the split that is searched on, such as 'val', got {split!r}; "
                "test scores are for result.regret(split='test')"
            )
        self.table = table
        self.task = task
        self.metric = metric
        self.split = split
        self.epochs = epochs
        self.seed = seed
        name = metric or table.default_metric(task)
        without_splits = {c.split for c in table.columns if (c.task, c.metric) == (task, name)} == {""}
        self.column = table.column(
            task=task, metric=name, split="" if without_splits else split, epochs=epochs, seed=seed
        )
        self.space = table.space
        self.direction = self.column.spec.direction
        self.key = table.info.key

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Look rows up, and the seconds that their trainings took; NaN where the table has no value."""
        if epochs is None:
            return Evaluation(self._query(X, self.column.epochs), self._cost(X, self.column.epochs))
        scores, cost_s = np.empty(len(X)), np.empty(len(X))
        for length in np.unique(epochs):
            part = epochs == length
            scores[part], cost_s[part] = self._query(X[part], int(length)), self._cost(X[part], int(length))
        return Evaluation(scores, cost_s)

    def measured(self, X: Rows) -> npt.NDArray[np.bool_]:
        """Tell which rows of the space the table has a score for."""
        known = self._known
        return ~np.isnan(self._query(X, self.column.epochs)) if known is None else known[self.space.codes(X)]

    def measured_rows(self) -> Rows | None:
        """The rows that have a score, where fewer than one in :data:`SPARSE` architectures of the space has one."""
        c = self.column
        X, _ = self.table.data(task=c.task, metric=c.metric, split=c.split, epochs=c.epochs, seed=c.seed)
        return X if len(X) * SPARSE < self.space.size else None

    @cached_property
    def _known(self) -> npt.NDArray[np.bool_] | None:
        """Which rows have a score, by code: strategies ask for a handful at a time, where every call counts."""
        n_codes = float(np.prod(self.space.cardinalities, dtype=np.float64))
        if n_codes > MAX_CODES:
            return None
        rows = self.space.enumerate()
        known = np.zeros(int(n_codes), dtype=bool)
        known[self.space.codes(rows)] = ~np.isnan(self._query(rows, self.column.epochs))
        return known

    def describe(self) -> dict[str, Any]:
        """The table, the column, and a checksum of its values."""
        c = self.column
        values = self.table.values(task=c.task, metric=c.metric, split=c.split, epochs=c.epochs, seed=c.seed)
        return {
            "table": self.table.name,
            "task": c.task,
            "metric": c.metric,
            "split": c.split,
            "epochs": c.epochs,
            "seed": c.seed,
            "values": f"{zlib.crc32(self.table.X.tobytes() + values.tobytes()):08x}",
        }

    def truth(self, X: Rows, split: str) -> tuple[Floats, float]:
        """Scores of rows on a split, under the same schedule and seed, and the table's best one."""
        c = self.column
        which: dict[str, Any] = {"task": c.task, "metric": c.metric, "split": split, "epochs": c.epochs, "seed": c.seed}
        best = (np.nanmax if self.direction == "max" else np.nanmin)(self.table.values(**which))
        return self.table.query(X, **which), float(best)

    def _cost(self, X: Rows, epochs: int | None) -> Floats:
        if (epochs, self.column.seed) not in self._timed:
            return np.full(len(X), np.nan)
        return self.table.cost(X, task=self.task, epochs=epochs, seed=self.column.seed)

    @cached_property
    def _timed(self) -> set[tuple[int | None, int | str | None]]:
        """Schedules and seeds for which the table says how long a training took."""
        return {(c.epochs, c.seed) for c in self.table.columns if (c.task, c.metric) == (self.task, TRAIN_TIME)}

    def _query(self, X: Rows, epochs: int | None) -> Floats:
        c = self.column
        return self.table.query(X, task=c.task, metric=c.metric, split=c.split, epochs=epochs, seed=c.seed)


class Scorer(Protocol):
    """What is needed of a predictor to search on it.

    Attributes:
        space: The space of the rows.
        direction: "max" if a higher prediction is better, "min" if a lower one is.
    """

    space: SearchSpace | None
    direction: Direction

    def predict(self, X: npt.ArrayLike) -> Any:
        """Expected scores of rows (n, d), shape (n,)."""


@final
class PredictorObjective(Objective):
    """Asks a fitted predictor; equal networks are expected to score alike, so each is asked for once.

    Args:
        predictor: A fitted predictor of a search space.
    """

    def __init__(self, predictor: Scorer) -> None:
        if predictor.space is None:
            raise InvalidInputError(
                "predictor: expected one of a search space's architectures, got one of plain floats"
            )
        self.predictor = predictor
        self.space = predictor.space
        self.direction = predictor.direction
        self.key = "canonical"

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Predict rows; the cost is the time it took, in equal shares."""
        begin = time.perf_counter()
        scores = np.asarray(self.predictor.predict(X), dtype=np.float64)
        return Evaluation(scores, np.full(len(X), (time.perf_counter() - begin) / max(1, len(X))))

    def describe(self) -> dict[str, Any]:
        """The kind of predictor. What it learned from is not looked at."""
        return {"predictor": type(self.predictor).__qualname__, "direction": self.direction}


@final
class CallableObjective(Objective):
    """Calls a function for one architecture at a time.

    Args:
        function: Takes one row, int16 of shape (d,), and returns its score; NaN = failed.
        space: Space of the rows; ``space.format`` and ``build_network`` turn a row into text or a network.
        direction: "max" if a higher score is better.
        key: What counts as the same architecture.
        catch: Exceptions that mean a failed evaluation; all others end the search, with all that was
            finished before in its log.
    """

    def __init__(
        self,
        function: Callable[[npt.NDArray[np.int16]], float],
        space: SearchSpace,
        *,
        direction: Direction = "max",
        key: Key = "canonical",
        catch: tuple[type[Exception], ...] = (),
    ) -> None:
        if direction not in ("max", "min"):
            raise InvalidInputError(f"direction: expected 'max' or 'min', got {direction!r}")
        self.function = function
        self.space = space
        self.direction = direction
        self.key = key
        self.catch = catch

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Call the function for each row; the cost is the time each call took."""
        parts = [evaluation for _, evaluation in self.stream(X, epochs)]
        return Evaluation(*(np.array([p[i][0] for p in parts], dtype=np.float64) for i in (0, 1)))

    def stream(self, X: Rows, epochs: Epochs | None = None) -> Iterator[tuple[npt.NDArray[np.int64], Evaluation]]:
        """Call the function for one row after the other."""
        for i, x in enumerate(X):
            begin = time.perf_counter()
            try:
                score = float(self.function(x.copy()))
            except self.catch:
                score = np.nan
            yield np.array([i]), Evaluation(np.array([score]), np.array([time.perf_counter() - begin]))

    def describe(self) -> dict[str, Any]:
        """The function's name; what it does is not looked at."""
        name = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        return {"function": name, "direction": self.direction}
