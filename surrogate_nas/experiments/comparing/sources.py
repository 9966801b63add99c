"""What earlier tasks know, for one target: every other task of its tables, and never the target."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final

import numpy as np

from surrogate_nas.core import Column, InvalidInputError, TaskData
from surrogate_nas.experiments.objectives import (
    MultiObjective,
    NoisyObjective,
    Objective,
    ReplicatedObjective,
    TableObjective,
    WeightedObjective,
)
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables import Table


@final
class Sources(Mapping[str, TaskData]):
    """Measured tasks by name, as ``MetaPredictor.fit`` takes them; each is read when it is first asked for.

    Equal only to itself, so that it can be the key of a cache of what was learned from it.

    Args:
        tasks: By name, the data, or the table and column that it is to be read from.
        space: The target's space.
    """

    __hash__ = object.__hash__

    def __init__(self, tasks: Mapping[str, TaskData | tuple[Table, Column]], space: SearchSpace) -> None:
        self._tasks = dict(tasks)
        self.space = space

    def __getitem__(self, task: str) -> TaskData:
        data = self._tasks[task]
        if not isinstance(data, TaskData):
            data = self._tasks[task] = _read(*data, self.space)
        return data

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        return f"<Sources: {', '.join(self) or '(none)'}>"


def sources_for(
    target: str, objectives: Mapping[str, Objective], given: Mapping[str, Any] | None = None
) -> Sources | None:
    """What may be learned from before the target is searched.

    Without ``given``: every other task of the tables that any of the objectives reads, by the metric of the target
    (else the task's default metric), on the split that is searched on, with the target's schedule (else the longest).
    The target's task is left out under every metric, split and schedule, in whichever of the tables, and so is a task
    with the target's very scores under another name. An objective that reads no table, or a weighted sum of several
    metrics, has none but those given.

    Args:
        target: Name of the objective to search on.
        objectives: All of them, by name.
        given: Data by task in place of the tables'; what bears the target's name is left out.

    Returns:
        None where nothing is left to learn from.
    """
    objective = objectives[target]
    behind = tables_behind(objective)
    own = {target, *(o.task for o in behind)}
    if given is not None:
        tasks: dict[str, TaskData | tuple[Table, Column]] = {n: TaskData.of(d) for n, d in given.items()}
    elif behind and len(objective.metrics) == 1 and not isinstance(objective, WeightedObjective):
        tables = {id(o.table): o.table for other in objectives.values() for o in tables_behind(other)}
        tasks = dict(_tasks_of(tables.values(), behind[0]))
    else:  # no table, or a sum that no column of another task stands for
        tasks = {}
    kept = {name: data for name, data in tasks.items() if name not in own}
    return Sources(kept, objective.space) if kept else None


def tables_behind(objective: Objective) -> tuple[TableObjective, ...]:
    """The tables that an objective reads, directly or under noise, weights and the like."""
    if isinstance(objective, TableObjective):
        return (objective,)
    if isinstance(objective, NoisyObjective | WeightedObjective):
        return tables_behind(objective.objective)
    if isinstance(objective, MultiObjective | ReplicatedObjective):
        return tuple(found for part in objective.objectives for found in tables_behind(part))
    return ()


def _tasks_of(tables: Iterable[Table], target: TableObjective) -> Iterator[tuple[str, tuple[Table, Column]]]:
    """Tasks to learn from; those of the target's own table first, and no name twice."""
    named: set[str] = set()
    for table in sorted(tables, key=lambda t: t is not target.table):
        own = [c for c in table.columns if c.task == target.task and c.direction == target.column.direction]
        for task in table.tasks:
            column = _column_like(target.column, table, task)
            if column is None or task in named or task == target.task or _repeats(table, column, own):
                continue
            named.add(task)
            yield task, (table, column)


def _column_like(target: Column, table: Table, task: str) -> Column | None:
    """The column of a task that says most about the target; None where none is comparable."""
    columns = [c for c in table.columns if c.task == task]
    metric = target.metric
    if all(c.metric != metric for c in columns):
        try:
            metric = table.default_metric(task)
        except InvalidInputError:  # several, and nothing says which is meant
            return None
    fitting = [
        c for c in columns if c.metric == metric and c.split in (target.split, "") and c.direction == target.direction
    ]

    def preference(c: Column) -> tuple[bool, int, bool, bool]:
        return c.epochs == target.epochs, c.epochs or 0, c.seed == target.seed, c.seed == "mean"

    return max(fitting, key=preference, default=None)


def _repeats(table: Table, column: Column, own: list[Column]) -> bool:
    """Whether a column holds the scores of one of ``own``, so that its task is the same under another name."""
    values = _values(table, column)
    return any(np.array_equal(values, _values(table, c), equal_nan=True) for c in own)


def _values(table: Table, c: Column) -> Any:
    return table.values(task=c.task, metric=c.metric, split=c.split, epochs=c.epochs, seed=c.seed)


def _read(table: Table, c: Column, space: SearchSpace) -> TaskData:
    X, y = table.data(task=c.task, metric=c.metric, split=c.split, epochs=c.epochs, seed=c.seed)
    here = table.space.name == space.name and np.array_equal(table.space.cardinalities, space.cardinalities)
    other = None if here else table.space
    return TaskData(X, y, unit=c.unit, direction=c.spec.direction, space=other)
