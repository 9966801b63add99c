"""Regret after some budgets: its mean and median with intervals, for each task and over all of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate_nas.experiments.statistics.bootstrap import RESAMPLES, Bootstrap, Floats, mean, median, over_tasks
from surrogate_nas.experiments.statistics.runs import Runs, read_runs

if TYPE_CHECKING:
    import pandas as pd


def regret_by_task(
    frame: "pd.DataFrame | Runs",
    budgets: Sequence[int],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """Regret of each strategy on each task, in the task's own unit.

    Args:
        frame: The tidy frame of a comparison, or what :func:`read_runs` made of it.
        budgets: Numbers of evaluations to look at.
        level: Coverage of the intervals.
        resamples: Draws of seeds for each interval.
        random_state: Seed of the draws.

    Returns:
        One row per task, strategy and budget: runs (that exist), mean, low, high, median, median_low, median_high over
        seeds; NaN where a strategy has no run on a task, and as ends of an interval from one seed.

    Raises:
        InvalidInputError: The frame is not as it should be, or a budget is larger than the runs.
    """
    import pandas as pd

    runs = read_runs(frame)
    how = Bootstrap(level, resamples, random_state)
    values = runs.regret[..., [runs.at(budget) for budget in budgets]]
    count = (runs.length > 0).sum(axis=2)
    parts = []
    for i, task in enumerate(runs.tasks):
        part = _summary(runs.strategies, budgets, values[:, i : i + 1], how)
        part.insert(0, "task", task)
        part.insert(3, "runs", np.repeat(count[:, i], len(budgets)))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def regret_over_tasks(
    frame: "pd.DataFrame | Runs",
    budgets: Sequence[int],
    *,
    medians: bool = True,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """Normalised regret of each strategy, averaged over the tasks on which every strategy has a run.

    Args:
        frame: As in :func:`regret_by_task`.
        budgets: Numbers of evaluations to look at.
        medians: False leaves medians out, which saves most of the time where budgets are many.
        level: Coverage of the intervals.
        resamples: Draws of tasks, then seeds, for each interval.
        random_state: Seed of the draws.

    Returns:
        One row per strategy and budget: mean, low, high (of the means over seeds), median, median_low, median_high (of
        the medians over seeds), all averaged over tasks. 1 = about one random architecture, 0 = the best known.

    Raises:
        InvalidInputError: As :func:`regret_by_task`, or no task has runs of every strategy.
    """
    runs = read_runs(frame).complete
    values = runs.normalised[..., [runs.at(budget) for budget in budgets]]
    return _summary(runs.strategies, budgets, values, Bootstrap(level, resamples, random_state), medians=medians)


def area_under_curve(
    frame: "pd.DataFrame | Runs",
    budget: int | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """Normalised regret averaged over the evaluations 1 to ``budget``: how good a strategy is on the way there.

    Args:
        frame: As in :func:`regret_by_task`.
        budget: Where the curve ends; None takes all of it.
        level: Coverage of the intervals.
        resamples: Draws of tasks, then seeds, for each interval.
        random_state: Seed of the draws.

    Returns:
        Indexed by strategy: area, low, high; lower is better.
    """
    import pandas as pd

    runs = read_runs(frame).complete
    area = runs.normalised[..., : runs.at(budget) + 1].mean(axis=3, keepdims=True)
    found = over_tasks(area, mean, Bootstrap(level, resamples, random_state))
    columns = {name: values[:, 0] for name, values in zip(("area", "low", "high"), found, strict=True)}
    return pd.DataFrame(columns, index=pd.Index(runs.strategies, name="strategy"))


def _summary(
    strategies: Sequence[str], budgets: Sequence[int], values: Floats, how: Bootstrap, *, medians: bool = True
) -> "pd.DataFrame":
    """A row per strategy and budget from values (s, t, r, budgets)."""
    import pandas as pd

    columns: dict[str, Any] = {
        "strategy": np.repeat(np.array(strategies, dtype=object), len(budgets)),
        "budget": np.tile(np.asarray(budgets, dtype=np.int64), len(strategies)),
    }
    kinds = [(mean, ("mean", "low", "high"))]
    if medians:
        kinds.append((median, ("median", "median_low", "median_high")))
    for statistic, names in kinds:
        found = over_tasks(values, statistic, how)
        columns |= {name: part.ravel() for name, part in zip(names, found, strict=True)}
    return pd.DataFrame(columns)
