"""One row per strategy: what a table in a paper shows."""

from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate_nas.experiments.statistics.bootstrap import RESAMPLES
from surrogate_nas.experiments.statistics.ranks import task_means
from surrogate_nas.experiments.statistics.regret import area_under_curve, regret_over_tasks
from surrogate_nas.experiments.statistics.runs import Runs, read_runs
from surrogate_nas.experiments.statistics.targets import evaluations_to_target_over_tasks, has_target

if TYPE_CHECKING:
    import pandas as pd


def summary(
    frame: "pd.DataFrame | Runs",
    tasks: "pd.DataFrame",
    *,
    budget: int | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """Ranks, regret and evaluations to target of every strategy, over the tasks on which all have runs.

    Args:
        frame: The tidy frame of a comparison, or what :func:`read_runs` made of it.
        tasks: Indexed by task, with the columns best and target.
        budget: After how many evaluations; None takes all.
        level: Coverage of the intervals.
        resamples: Draws of tasks, then seeds, for each interval.
        random_state: Seed of the draws.

    Returns:
        Indexed by strategy, the best average rank first: rank; regret, regret_low, regret_high, and median,
        median_low, median_high, all normalised (1 = one random architecture, 0 = the best known); area under the
        curve, area_low, area_high; reached, the share of runs that hit the target, with reached_low, reached_high;
        evaluations until then, where a run that did not counts as budget + 1, with evaluations_low, evaluations_high
        (NaN where no task has a target).
    """
    import pandas as pd

    runs = read_runs(frame).complete
    last = runs.at(budget) + 1
    how: dict[str, Any] = {"level": level, "resamples": resamples, "random_state": random_state}
    ranks = task_means(runs, last).rank(axis=1).mean()
    regret = regret_over_tasks(runs, [last], **how).set_index("strategy").drop(columns="budget")
    parts = [
        ranks.to_frame("rank"),
        regret.rename(columns={"mean": "regret", "low": "regret_low", "high": "regret_high"}),
        area_under_curve(runs, last, **how).rename(columns={"low": "area_low", "high": "area_high"}),
    ]
    names = {"mean": "evaluations", "low": "evaluations_low", "high": "evaluations_high"}
    if any(has_target(tasks, task) for task in runs.tasks):
        hits = evaluations_to_target_over_tasks(runs, tasks, budget=last, **how)
        parts.append(hits.set_index("strategy").rename(columns=names))
    else:
        columns = ["reached", "reached_low", "reached_high", *names.values()]
        parts.append(pd.DataFrame(np.nan, index=list(runs.strategies), columns=columns))
    return pd.concat(parts, axis=1).rename_axis("strategy").sort_values("rank", kind="stable")
