"""Whole distributions instead of means: who beats whom, and which share of runs is how good.

References:
    Agarwal et al. (2021), Deep reinforcement learning at the edge of the statistical precipice, NeurIPS.
    Dolan and More (2002), Benchmarking optimization software with performance profiles, Mathematical Programming 91.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from surrogate_nas.experiments.statistics.bootstrap import (
    RESAMPLES,
    Bootstrap,
    Floats,
    draws,
    ends,
    mean,
    over_tasks,
    seed_weights,
)
from surrogate_nas.experiments.statistics.runs import Runs, read_runs
from surrogate_nas.experiments.statistics.targets import first_hits

if TYPE_CHECKING:
    import pandas as pd


def probability_of_improvement(
    frame: "pd.DataFrame | Runs",
    budget: int | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """How probable it is that a run of one strategy ends better than a run of another on the same task.

    The share of pairs of runs, one of each, in which the first has the lower regret, ties counting half, averaged over
    the tasks on which every strategy has a run [Agarwal et al. 2021].

    Args:
        frame: The tidy frame of a comparison, or what :func:`read_runs` made of it.
        budget: After how many evaluations; None takes all.
        level: Coverage of the intervals.
        resamples: Draws of tasks, then of seeds for each of the two strategies by itself.
        random_state: Seed of the draws.

    Returns:
        One row per pair: first, second, probability, low, high. The intervals are NaN where there is one run only.
    """
    import pandas as pd

    runs = read_runs(frame).complete
    values = runs.regret[..., runs.at(budget)]
    there = (~np.isnan(values)).astype(np.float64)
    how = Bootstrap(level, resamples, random_state)
    rng = np.random.default_rng(random_state + 1)
    pairs = list(combinations(range(len(runs.strategies)), 2))
    samples, estimate = np.zeros((resamples, len(pairs))), np.zeros(len(pairs))
    for draw in draws(there > 0, how):
        # Each strategy draws seeds of its own, so that no run is compared with its own twin more often than by chance.
        first = seed_weights(draw, there.shape[2])
        second = rng.permutation(first)
        for p, (i, j) in enumerate(pairs):
            a, b = there[i, draw.task], there[j, draw.task]
            wins = _wins(values[i, draw.task], values[j, draw.task])
            estimate[p] += wins.sum() / (a.sum() * b.sum())
            with np.errstate(invalid="ignore"):  # no run among the drawn ones: NaN
                share = ((first @ wins) * second).sum(axis=1) / ((first @ a) * (second @ b))
            np.add.at(samples[:, p], draw.sample, share)
    n = len(runs.tasks)
    low, high = ends(samples / n, how) if there[0].size > 1 else np.full((2, len(pairs)), np.nan)
    columns = {k: [runs.strategies[pair[i]] for pair in pairs] for i, k in enumerate(("first", "second"))}
    return pd.DataFrame({**columns, "probability": estimate / n, "low": low, "high": high})


def score_profile(
    frame: "pd.DataFrame | Runs",
    thresholds: Sequence[float],
    budget: int | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    random_state: int = 0,
) -> "pd.DataFrame":
    """The share of runs whose normalised regret is at most a threshold, averaged over tasks [Agarwal et al. 2021].

    Args:
        frame: As in :func:`probability_of_improvement`.
        thresholds: Normalised regrets; 1 = as good as one random architecture.
        budget: After how many evaluations; None takes all.
        level: Coverage of the (pointwise) intervals.
        resamples: Draws of tasks, then seeds.
        random_state: Seed of the draws.

    Returns:
        One row per strategy and threshold: share, low, high.
    """
    runs = read_runs(frame).complete
    values = runs.normalised[..., runs.at(budget), None]
    below = np.where(np.isnan(values), np.nan, values <= np.asarray(thresholds, dtype=np.float64))
    found = over_tasks(below, mean, Bootstrap(level, resamples, random_state))
    return _profile(runs.strategies, "threshold", thresholds, dict(zip(("share", "low", "high"), found, strict=True)))


def performance_profile(
    frame: "pd.DataFrame | Runs", tasks: "pd.DataFrame", factors: Sequence[float], *, budget: int | None = None
) -> "pd.DataFrame":
    """The share of problems whose target a strategy hits within a factor of the fastest one [Dolan and More 2002].

    A problem is one seed of one task; its cost is the number of evaluations until the target.

    Args:
        frame: As in :func:`probability_of_improvement`.
        tasks: Indexed by task, with the columns best and target.
        factors: Multiples of the smallest number of evaluations, from 1.
        budget: Hits after it do not count; None takes all.

    Returns:
        One row per strategy and factor: share, averaged over tasks. Problems that no strategy solved count as unsolved
        by all; seeds that a strategy lacks are left out for all.
    """
    runs = read_runs(frame).complete
    hits = first_hits(runs, tasks)
    hits = np.where(hits > runs.at(budget) + 1, np.inf, hits)
    whole = np.asarray(~np.isnan(hits).any(axis=0))
    fastest = np.min(np.where(whole, hits, np.inf), axis=0)
    with np.errstate(invalid="ignore"):  # inf / inf: unsolved by all
        ratio = hits / fastest
    within = np.isfinite(hits)[..., None] & (ratio[..., None] <= np.asarray(factors, dtype=np.float64))
    solved = within & whole[..., None]
    with np.errstate(invalid="ignore"):  # a task without a seed that all have
        share = solved.sum(axis=2) / whole.sum(axis=1)[:, None]
    return _profile(runs.strategies, "factor", factors, {"share": np.nanmean(share, axis=1)})


def _wins(first: Floats, second: Floats) -> Floats:
    """1 where a run of the first is better than one of the second, 1/2 where equal, else 0; shape (r, r)."""
    a, b = first[:, None], second[None, :]
    return np.where(a < b, 1.0, np.where(a == b, 0.5, 0.0))


def _profile(strategies: Sequence[str], name: str, at: Sequence[float], columns: dict[str, Any]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        {
            "strategy": np.repeat(np.array(strategies, dtype=object), len(at)),
            name: np.tile(np.asarray(at, dtype=np.float64), len(strategies)),
            **{key: values.ravel() for key, values in columns.items()},
        }
    )
