"""A table of earlier trainings as objective."""

import zlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError
from surrogate_nas.experiments.objectives.base import Epochs, Evaluation, Floats, Objective, check_number
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables import TRAIN_TIME, Table

#: Where fewer than one in so many architectures is measured, searches draw from those instead of from the space.
SPARSE = 20

#: Spaces with more codes than this are looked up row by row.
MAX_CODES = 2**20


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
        cost: What an evaluation costs: the metric with the seconds of each training; or, for tables without one, a
            number of seconds per epoch, so that a budget in seconds counts epochs. None = "train_time", if there.

    Attributes:
        schedules: Lengths of training that the table has scores for, ascending; what ``epochs`` may be in
            :meth:`evaluate`. Empty where it does not say.

    Raises:
        InvalidInputError: ``split`` has test data in it, or several columns match; the message lists the choices.
        UnknownNameError: The table has no such task, metric, split, epochs or seed.
    """

    recorded = True

    def __init__(
        self,
        table: Table,
        *,
        task: str,
        metric: str | None = None,
        split: str = "val",
        epochs: int | None = None,
        seed: int | str | None = None,
        cost: str | float | None = None,
    ) -> None:
        if not isinstance(table, Table):
            raise InvalidInputError(f"table: expected a table, such as load_table(name), got {table!r:.80}")
        if cost is not None and not isinstance(cost, str):
            check_number("cost", cost)
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
        self.cost = cost
        name = metric or table.default_metric(task)
        without_splits = {c.split for c in table.columns if (c.task, c.metric) == (task, name)} == {""}
        self.column = table.column(
            task=task, metric=name, split="" if without_splits else split, epochs=epochs, seed=seed
        )
        self.space = table.space
        self.direction = self.column.spec.direction
        self.key = table.info.key
        self.metrics = (self.column.metric,)
        self._costs = self._cost_columns()
        self.timed = bool(self._costs) or self._per_epoch is not None

    def evaluate(self, X: Rows, epochs: Epochs | None = None) -> Evaluation:
        """Look rows up, and the seconds that their trainings took; NaN where the table has no value."""
        if epochs is None or not self.column.split:  # parameters and latency do not depend on the schedule
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
        return self._few

    @cached_property
    def _few(self) -> Rows | None:
        """The same, looked up once: every run of a comparison asks."""
        c = self.column
        X, _ = self.table.data(task=c.task, metric=c.metric, split=c.split, epochs=c.epochs, seed=c.seed)
        return X if len(X) * SPARSE < self.space.size else None

    @property
    def schedules(self) -> tuple[int, ...]:
        """Lengths of training that the table has scores for, ascending; empty where it does not say."""
        c = self.column
        same = (c.task, c.metric, c.split, c.seed)
        found = {o.epochs for o in self.table.columns if (o.task, o.metric, o.split, o.seed) == same}
        return tuple(sorted(epochs for epochs in found if epochs is not None))

    @cached_property
    def _known(self) -> npt.NDArray[np.bool_] | None:
        """Which rows have a score, by code: strategies ask for a handful at a time, where every call counts."""
        return by_code(self.space, lambda rows: ~np.isnan(self._query(rows, self.column.epochs)))

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
            **({} if self.cost is None else {"cost": self.cost}),
            "values": f"{zlib.crc32(self.table.X.tobytes() + values.tobytes()):08x}",
        }

    def truth(self, X: Rows, split: str) -> tuple[Floats, float]:
        """Scores of rows on a split, under the same schedule and seed, and the table's best one."""
        c = self.column
        which: dict[str, Any] = {"task": c.task, "metric": c.metric, "split": split, "epochs": c.epochs, "seed": c.seed}
        best = (np.nanmax if self.direction == "max" else np.nanmin)(self.table.values(**which))
        return self.table.query(X, **which), float(best)

    def _cost(self, X: Rows, epochs: int | None) -> Floats:
        if self._per_epoch is not None:
            return np.full(len(X), self._per_epoch * (epochs or 0))
        column = self._costs.get(epochs)
        if column is None:
            return np.full(len(X), np.nan)
        return self.table.query(
            X, task=column.task, metric=column.metric, split=column.split, epochs=epochs, seed=column.seed
        )

    @property
    def _per_epoch(self) -> float | None:
        return None if self.cost is None or isinstance(self.cost, str) else float(self.cost)

    def _cost_columns(self) -> dict[int | None, Column]:
        """The column with the seconds of each schedule, under the seed of the scores."""
        if self._per_epoch is not None:
            if self.column.epochs is None or self._per_epoch < 0:
                raise InvalidInputError(
                    f"cost: expected a metric, or seconds per epoch of a column with epochs, got {self.cost!r} for "
                    f"{self.column.metric!r} with epochs={self.column.epochs}"
                )
            return {}
        metric = TRAIN_TIME if self.cost is None else self.cost
        found = {c.epochs: c for c in self.table.columns if (c.task, c.metric) == (self.task, metric)
                 and c.seed == self.column.seed}  # fmt: skip
        if not found and self.cost is not None:
            raise UnknownNameError.of("cost", self.cost, list(self.table.metrics))
        return found

    def _query(self, X: Rows, epochs: int | None) -> Floats:
        c = self.column
        return self.table.query(X, task=c.task, metric=c.metric, split=c.split, epochs=epochs, seed=c.seed)


def by_code(space: SearchSpace, condition: Callable[[Rows], npt.NDArray[np.bool_]]) -> npt.NDArray[np.bool_] | None:
    """The answer for every architecture of a small space, at its ``space.codes``; None where there are too many."""
    n_codes = float(np.prod(space.cardinalities, dtype=np.float64))
    if n_codes > MAX_CODES:
        return None
    rows = space.enumerate()
    answers = np.zeros(int(n_codes), dtype=bool)
    answers[space.codes(rows)] = condition(rows)
    return answers
