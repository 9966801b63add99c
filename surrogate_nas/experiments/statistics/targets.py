"""Evaluations until a target is hit. A run that never hits it is censored at its budget, and said to be so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.statistics.bootstrap import RESAMPLES, Bootstrap, Floats, mean, over_tasks
from surrogate_nas.experiments.statistics.runs import Runs, read_runs

if TYPE_CHECKING:
    import pandas as pd

#: Regrets that differ by less than this share of the best score are one: best - (best - x) is not x in floats.
ROUNDING = 1e-9


def first_hits(runs: Runs, tasks: "pd.DataFrame", targets: Mapping[str, float] | None = None) -> Floats:
    """The evaluation with which each run first reached its task's target.

    Args:
        runs: The runs, with regrets on the split that was searched on.
        tasks: Indexed by task, with the columns best and target (scores).
        targets: Task -> another target, a score; None takes those of ``tasks``.

    Returns:
        Shape (s, t, r), from 1; inf = not reached, NaN = no such run, or no target is known for the task.

    Raises:
        InvalidInputError: ``tasks`` lacks a task.
    """
    hits = np.empty(runs.length.shape)
    for i, task in enumerate(runs.tasks):
        if task not in tasks.index:
            raise InvalidInputError(f"tasks: expected a row for {task!r}, got {', '.join(map(str, tasks.index))}")
        best = float(tasks.loc[task, "best"])  # type: ignore[arg-type]
        target = float(tasks.loc[task, "target"] if targets is None else targets[task])  # type: ignore[arg-type]
        if not np.isfinite(best - target):
            hits[:, i] = np.nan
            continue
        reached = runs.regret[:, i] <= abs(best - target) + ROUNDING * max(1.0, abs(best))
        hits[:, i] = np.where(reached.any(axis=2), reached.argmax(axis=2) + 1.0, np.inf)
    return np.where(runs.length > 0, hits, np.nan)


def evaluations_to_target(
    frame: "pd.DataFrame | Runs",
    tasks: "pd.DataFrame",
    *,
    budget: int | None = None,
    targets: Mapping[str, float] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """How often and how soon each strategy reaches the target of each task.

    Args:
        frame: The tidy frame of a comparison, or what :func:`read_runs` made of it.
        tasks: Indexed by task, with the columns best and target.
        budget: Hits after it do not count; None takes all.
        targets: Task -> another target.
        level: Coverage of the intervals.
        resamples: Draws of seeds for each interval.
        random_state: Seed of the draws.

    Returns:
        One row per task and strategy: runs; reached, the share of them, with reached_low and reached_high; mean, low,
        high of the number of evaluations, where a run that did not reach it counts as budget + 1: a lower bound of the
        true mean unless reached is 1; q25, median, q75, which need no such assumption (all runs are censored at the
        same budget); inf = not reached by that share of the runs.
    """
    import pandas as pd

    runs = read_runs(frame)
    hits, last = _within(runs, first_hits(runs, tasks, targets), budget)
    how = Bootstrap(level, resamples, random_state)
    parts = []
    for i, task in enumerate(runs.tasks):
        part = _summary(runs, hits[:, i : i + 1], last, how)
        with np.errstate(invalid="ignore"):
            quantiles = [[_quantile(row, q) for q in (0.25, 0.5, 0.75)] for row in hits[:, i]]
        part[["q25", "median", "q75"]] = quantiles
        part.insert(0, "task", task)
        part.insert(2, "runs", (runs.length[:, i] > 0).sum(axis=1))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def evaluations_to_target_over_tasks(
    frame: "pd.DataFrame | Runs",
    tasks: "pd.DataFrame",
    *,
    budget: int | None = None,
    targets: Mapping[str, float] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """As :func:`evaluations_to_target`, averaged over the tasks with a target on which every strategy has a run.

    Returns:
        One row per strategy: reached, reached_low, reached_high, mean, low, high.

    Raises:
        InvalidInputError: There is no such task.
    """
    runs = read_runs(frame).complete
    known = [task for task in runs.tasks if has_target(tasks, task)]
    if not known:
        raise InvalidInputError("tasks: expected a task with numbers as best and target, got none")
    runs = runs.select(tasks=known)
    hits, last = _within(runs, first_hits(runs, tasks, targets), budget)
    return _summary(runs, hits, last, Bootstrap(level, resamples, random_state))


def has_target(tasks: "pd.DataFrame", task: str) -> bool:
    """Tell whether a task's best score and target are known."""
    return task in tasks.index and bool(np.isfinite(tasks.loc[task, ["best", "target"]].to_numpy(dtype=float)).all())


def _within(runs: Runs, hits: Floats, budget: int | None) -> tuple[Floats, int]:
    last = runs.at(budget) + 1
    return np.where(hits > last, np.inf, hits), last


def _summary(runs: Runs, hits: Floats, last: int, how: Bootstrap) -> "pd.DataFrame":
    import pandas as pd

    reached = np.where(np.isnan(hits), np.nan, np.isfinite(hits))
    charged = np.where(np.isinf(hits), last + 1.0, hits)
    both = over_tasks(np.stack([reached, charged], axis=-1), mean, how)
    columns: dict[str, Any] = {"strategy": np.array(runs.strategies, dtype=object)}
    for i, names in enumerate((("reached", "reached_low", "reached_high"), ("mean", "low", "high"))):
        columns |= {name: part[:, i] for name, part in zip(names, both, strict=True)}
    return pd.DataFrame(columns)


def _quantile(hits: Floats, q: float) -> float:
    """The evaluation by which a share ``q`` of the runs had hit; inf where fewer did."""
    known = hits[~np.isnan(hits)]
    return float(np.quantile(known, q, method="inverted_cdf")) if len(known) else np.nan
