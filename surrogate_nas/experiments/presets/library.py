"""What was good before: an archive of measured tasks that answers where to begin on a new one."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, TaskData
from surrogate_nas.core.errors import choose
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables import Table

Floats = npt.NDArray[np.float64]

#: How far apart the data sets of two tasks may be and still be of a kind: root mean square over descriptors, in their
#: standard deviations over the tasks.
LENGTH = 1.0


class _Ranked(NamedTuple):
    """The architectures of a task, the best first, twins once.

    Attributes:
        rows: As they were measured, shape (n, d).
        keys: What identifies each, shape (n,).
    """

    rows: Rows
    keys: npt.NDArray[Any]


@final
class ArchitectureLibrary:
    """Measured tasks of one space, and what was good on those that resemble a new one.

    An architecture counts by its places in the rankings of the tasks: the sum of weight / place [cormack2009, without
    their constant]. So the best of each task comes early, those that are good on several tasks before them, and no
    kind of task is voted down by the others. Twins, rows that mean the same network, are one architecture, which has
    the better of their places.

    Args:
        space: The space of the rows.
        tasks: Rows and scores by task, as pairs ``(X, y)`` (higher is better) or :class:`TaskData`; those measured in
            another space are left out.

    Attributes:
        tasks: Names of the tasks.

    References:
        [cormack2009] Cormack, Clarke, Büttcher: Reciprocal rank fusion outperforms Condorcet and individual rank
        learning methods. SIGIR 2009. https://doi.org/10.1145/1571941.1572114
    """

    def __init__(self, space: SearchSpace, tasks: Mapping[str, TaskData | tuple[npt.ArrayLike, npt.ArrayLike]]) -> None:
        data = {name: TaskData.of(value) for name, value in tasks.items()}
        self.space = space
        self._ranked = {
            name: _ranked(space, task) for name, task in data.items() if task.space is None or task.space is space
        }
        self._descriptors = {name: data[name].descriptors or {} for name in self._ranked}
        if not self._ranked:
            raise InvalidInputError("ArchitectureLibrary: expected at least one measured task of the space, got none")

    @classmethod
    def from_table(
        cls,
        table: Table,
        *,
        split: str = "val",
        exclude: Collection[str] = (),
        descriptors: Mapping[str, Mapping[str, float]] | None = None,
    ) -> Self:
        """Every task of a table, by its default metric.

        Args:
            table: The table.
            split: Which scores count.
            exclude: Tasks to leave out.
            descriptors: Numbers that describe each task's data set, by task.
        """
        known = descriptors or {}
        tasks = {}
        for task in (t for t in table.tasks if t not in exclude):
            X, y = table.data(task=task, split=split)
            direction = table.column(task=task, metric=table.default_metric(task), split=split).spec.direction
            tasks[task] = TaskData(X, y, descriptors=dict(known.get(task, {})), direction=direction)
        return cls(table.space, tasks)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(self._ranked)

    def retrieve(
        self, descriptors: Mapping[str, float] | None = None, k: int = 10, *, exclude: str | Collection[str] = ()
    ) -> Rows:
        """What was good on similar tasks, the most promising first.

        Args:
            descriptors: Numbers that describe the new task's data set, as those of the tasks do: tasks of its kind
                then weigh more. None: all weigh the same.
            k: How many; fewer come where fewer were measured.
            exclude: Tasks that must not count.

        Returns:
            Different architectures, shape (k, d).

        Raises:
            UnknownNameError: The library has no task of a name to exclude.
            InvalidInputError: No task is left, or the descriptors are none that the tasks have.
        """
        left_out = {exclude} if isinstance(exclude, str) else set(exclude)
        for name in left_out:
            choose("task", name, self._ranked)
        kept = [name for name in self._ranked if name not in left_out]
        if not kept:
            raise InvalidInputError("retrieve: expected at least one task that counts, got none; exclude fewer")
        weights = np.ones(len(kept)) if descriptors is None else self._weights(kept, descriptors)
        rows, keys = (np.concatenate([self._ranked[name][i] for name in kept]) for i in (0, 1))
        worth = np.concatenate(
            [w / np.arange(1, 1 + len(self._ranked[name].rows)) for w, name in zip(weights, kept, strict=True)]
        )
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(-np.bincount(which, weights=worth), kind="stable")[:k]
        return rows[first[order]]

    def _weights(self, tasks: list[str], descriptors: Mapping[str, float]) -> Floats:
        """How much of a kind each task is with the new one, (T,); 1 = the same."""
        shared = set.intersection(*(set(self._descriptors[name]) for name in tasks))
        names = sorted(shared & set(descriptors))
        if not names:
            raise InvalidInputError(
                f"descriptors: expected some of {', '.join(sorted(shared)) or '(the tasks share none)'}, got "
                f"{', '.join(descriptors) or 'none'}"
            )
        values = np.array([[float(of[name]) for name in names] for of in map(self._descriptors.get, tasks) if of])
        new = np.array([float(descriptors[name]) for name in names])
        values, new = _bent(values), _bent(new)
        scale = values.std(axis=0)
        apart = (values - new) / np.where(scale > 0, scale, 1.0)
        return np.exp(-0.5 * (apart**2).mean(axis=1) / LENGTH**2)

    def __repr__(self) -> str:
        return f"<ArchitectureLibrary of {len(self.tasks)} tasks on {self.space.name!r}: {', '.join(self.tasks)}>"


def _ranked(space: SearchSpace, task: TaskData) -> _Ranked:
    X, y = space.rows(task.X), np.asarray(task.y, dtype=np.float64)
    order = np.argsort(-y if task.direction == "max" else y, kind="stable")
    rows = X[order[~np.isnan(y[order])]]
    keys = space.keys(space.canonical(rows))
    _, first = np.unique(keys, return_index=True)  # of twins the better one
    first.sort()
    return _Ranked(rows[first], keys[first])


def _bent(values: Any) -> Any:
    """Numbers of very different size on one scale: logarithms, signs kept."""
    return np.sign(values) * np.log1p(np.abs(values))
