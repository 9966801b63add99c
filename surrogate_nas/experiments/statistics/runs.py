"""The runs of a comparison as one array, and how regrets of different tasks are made comparable."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Columns of the tidy frame that are needed, besides the one with the regret.
NEEDED = ("strategy", "task", "seed", "step")


@dataclass(frozen=True)
class Runs:
    """Regret of every run after every evaluation.

    Attributes:
        strategies: Names, s of them.
        tasks: Names, t of them.
        seeds: r of them; not every run needs to exist.
        regret: Shape (s, t, r, n), in each task's own unit, lower is better. NaN where there is no such run. Where a
            run ended early, its last value counts on; before its first success it has the largest regret that was seen
            on the task, so that failing is never rewarded.
        length: Evaluations of each run, shape (s, t, r); 0 = no such run.
    """

    strategies: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    regret: Floats
    length: Ints

    @property
    def budget(self) -> int:
        """Evaluations of the longest run, n."""
        return self.regret.shape[3]

    @cached_property
    def complete(self) -> "Runs":
        """The tasks on which every strategy has a run: only these can be averaged over, or ranked.

        Raises:
            InvalidInputError: There is none.
        """
        whole = np.asarray((self.length > 0).any(axis=2).all(axis=0))
        if not whole.any():
            raise InvalidInputError("comparison: expected a task on which every strategy has a run, got none")
        return self.select(tasks=[task for task, kept in zip(self.tasks, whole, strict=True) if kept])

    @cached_property
    def scale(self) -> Floats:
        """About what one random architecture lacks on each task, shape (t,); the unit of normalised regrets.

        It is the mean regret after the first evaluation, the median over strategies: most begin with a random
        architecture, a few with a fixed one or with one that is known to be good elsewhere. Any unit would do for
        comparing strategies on a task; this one makes tasks weigh about the same in a mean over them.
        """
        first = _mean_over_seeds(self.regret[..., 0])
        scale = np.array([np.median(task[~np.isnan(task)]) for task in first.T])
        return np.where(scale > 0, scale, 1.0)

    @cached_property
    def normalised(self) -> Floats:
        """Regrets divided by :attr:`scale`, shape (s, t, r, n): 1 = as good as one random architecture."""
        return self.regret / self.scale[:, None, None]

    def at(self, budget: int | None) -> int:
        """Position of the value after ``budget`` evaluations; None takes the last.

        Raises:
            InvalidInputError: The runs are shorter.
        """
        n = self.budget if budget is None else budget
        if not 1 <= n <= self.budget:
            raise InvalidInputError(f"budget: expected 1 to {self.budget} evaluations, got {n}")
        return n - 1

    def select(self, *, strategies: "list[str] | None" = None, tasks: "list[str] | None" = None) -> "Runs":
        """The runs of some strategies and tasks, in the order given.

        Raises:
            UnknownNameError: There is no such strategy or task.
        """
        s = _positions("strategy", strategies, self.strategies)
        t = _positions("task", tasks, self.tasks)
        return replace(
            self,
            strategies=tuple(self.strategies[i] for i in s),
            tasks=tuple(self.tasks[i] for i in t),
            regret=self.regret[np.ix_(s, t)],
            length=self.length[np.ix_(s, t)],
        )


def read_runs(frame: "pd.DataFrame | Runs", *, column: str = "regret") -> Runs:
    """Put the runs of a tidy frame into one array.

    Args:
        frame: One row per evaluation, with the columns strategy, task, seed, step (from 1) and ``column``; what is
            :class:`Runs` already is handed back.
        column: Which regret: "regret" on the split searched on, "test_regret" on the test split.

    Raises:
        InvalidInputError: A column is missing or not what it should be, a step comes twice, or no regret is known.
    """
    if isinstance(frame, Runs):
        return frame
    missing = [name for name in (*NEEDED, column) if name not in frame.columns]
    if missing:
        raise InvalidInputError(f"comparison: expected a frame with the column {missing[0]!r}, got {list(frame)}")
    values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    (s, strategies), (t, tasks), (r, seeds) = (_codes(frame[name]) for name in ("strategy", "task", "seed"))
    known = np.zeros(len(tasks), dtype=bool)
    known[t[np.isfinite(values)]] = True
    if not known.any():
        raise InvalidInputError(
            f"{column}: expected a number in some row, got {len(frame)} rows without one; "
            "it takes tasks whose best score is known"
        )
    step = frame["step"].to_numpy(dtype=np.float64, na_value=np.nan)
    if not ((step >= 1) & (step == np.floor(step))).all():
        raise InvalidInputError("step: expected whole numbers from 1, got others")
    n = int(step.max())
    shape = (len(strategies), len(tasks), len(seeds), n)
    at = np.ravel_multi_index((s, t, r, step.astype(np.int64) - 1), shape)
    given = np.bincount(at, minlength=int(np.prod(shape))).reshape(shape)
    if given.max() > 1:
        i, j, k, m = (int(where[0]) for where in np.nonzero(given > 1))
        raise InvalidInputError(
            f"comparison: expected each step of a run once, got step {m + 1} of {strategies[i]}/{tasks[j]}/{seeds[k]} "
            f"{given[i, j, k, m]} times"
        )
    regret = np.full(shape, np.nan)
    regret.ravel()[at] = np.where(np.isfinite(values), values, np.nan)
    last = n - np.argmax(given[..., ::-1] > 0, axis=3)
    length = np.where(given.any(axis=3), last, 0)
    regret = _filled(regret[:, known], length[:, known])
    names = tuple(str(task) for task, kept in zip(tasks, known, strict=True) if kept)
    return Runs(tuple(map(str, strategies)), names, tuple(map(int, seeds)), regret, length[:, known])


def _filled(regret: Floats, length: Ints) -> Floats:
    """Carry values on to the end, and begin with the task's largest; runs that do not exist stay NaN."""
    n = regret.shape[3]
    latest = np.maximum.accumulate(np.where(np.isnan(regret), 0, np.arange(n)), axis=3)
    carried = np.take_along_axis(regret, latest, axis=3)
    largest = np.nanmax(regret, axis=(0, 2, 3))[:, None, None]
    return np.where((length > 0)[..., None], np.where(np.isnan(carried), largest, carried), np.nan)


def _codes(column: "pd.Series[Any]") -> tuple[Ints, list[Any]]:
    """Numbers of the values that occur, and the values: categories and integers in order, others as they come."""
    import pandas as pd

    if column.isna().any():
        raise InvalidInputError(f"{column.name}: expected a value in every row, got {int(column.isna().sum())} without")
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, names = column.cat.codes.to_numpy(), column.cat.categories
        used = np.bincount(codes, minlength=len(names)) > 0
        return (np.cumsum(used) - 1)[codes], list(names[used])
    if pd.api.types.is_integer_dtype(column.dtype):
        numbers, codes = np.unique(column.to_numpy(dtype=np.int64), return_inverse=True)
        return codes, numbers.tolist()
    if column.name == "seed":
        raise InvalidInputError(f"seed: expected integers, got {column.dtype}")
    codes, values = pd.factorize(column)
    return codes, list(values)


def _positions(kind: str, wanted: "list[str] | None", names: tuple[str, ...]) -> list[int]:
    if wanted is None:
        return list(range(len(names)))
    for name in wanted:
        if name not in names:
            raise UnknownNameError.of(kind, name, names)
    return [names.index(name) for name in wanted]


def _mean_over_seeds(values: Floats) -> Floats:
    """Mean over the third axis of the runs that exist; NaN where there is none."""
    there = ~np.isnan(values)
    count = there.sum(axis=2)
    total = np.where(there, values, 0.0).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
