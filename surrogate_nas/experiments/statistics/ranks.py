"""Ranks over tasks: Friedman, Nemenyi with its critical difference, and Wilcoxon with Holm's correction.

References:
    Demsar (2006), Statistical comparisons of classifiers over multiple data sets, JMLR 7.
"""

from dataclasses import dataclass
from itertools import combinations
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.errors import MissingExtraError
from surrogate_nas.experiments.statistics.runs import Runs, read_runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RankTest:
    """Average ranks of k strategies over n blocks, and which differences are more than chance.

    Attributes:
        ranks: Average rank by strategy, the best (lowest) first; ties share the mean of their ranks.
        blocks: Number of blocks n.
        statistic: Friedman's chi-squared; NaN for fewer than three strategies or two blocks.
        p_value: Its p-value: how probable such ranks are if all strategies were equal.
        iman_davenport: The less conservative F statistic of the same ranks.
        critical_difference: Average ranks that differ by more differ significantly (Nemenyi); NaN for fewer than two
            strategies.
        nemenyi: p-value of every pair, k x k.
        groups: Strategies between which no significant difference was found, each group from its best to its worst,
            none inside another: the bars of a critical-difference diagram.
        alpha: Level of significance.
    """

    ranks: "pd.Series[float]"
    blocks: int
    statistic: float
    p_value: float
    iman_davenport: float
    critical_difference: float
    nemenyi: "pd.DataFrame"
    groups: list[list[str]]
    alpha: float


def critical_difference(k: int, n: int, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of average ranks, ``q sqrt(k (k + 1) / 6 n)``.

    Args:
        k: Number of strategies, at least 2.
        n: Number of blocks.
        alpha: Level of significance.
    """
    from scipy.stats import studentized_range

    if k < 2 or n < 1:
        return float("nan")
    q = studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * n)))


def rank_blocks(blocks: "pd.DataFrame", *, alpha: float = 0.05) -> RankTest:
    """Rank the columns of a table of results within each of its rows, and test whether they differ.

    Args:
        blocks: A row per block, a column per strategy; lower is better.
        alpha: Level of significance.

    Raises:
        InvalidInputError: A value is missing, or there are none.
        MissingExtraError: scikit-posthocs is not installed.
    """
    import pandas as pd
    from scipy.stats import friedmanchisquare, rankdata

    n, k = blocks.shape
    if not n or not k or blocks.isna().to_numpy().any():
        raise InvalidInputError(f"ranks: expected a number for each of {k} strategies in each of {n} blocks, got NaN")
    values = blocks.to_numpy(dtype=np.float64)
    ranked = rankdata(values, axis=1)
    ranks = pd.Series(ranked.mean(axis=0), index=list(blocks.columns)).sort_values(kind="stable")
    statistic, p_value, f = (float("nan"),) * 3
    if k > 2 and n > 1:
        # Friedman's correction for ties divides zero by zero where all are tied: no difference at all.
        tied = (ranked == ranked[:, :1]).all()
        statistic, p_value = (0.0, 1.0) if tied else map(float, friedmanchisquare(*values.T))
        rest = n * (k - 1) - statistic
        f = (n - 1) * statistic / rest if rest > 1e-12 else float("inf")
    nemenyi = pd.DataFrame(1.0, index=list(blocks.columns), columns=list(blocks.columns))
    if k > 1:
        nemenyi.loc[:] = _posthocs().posthoc_nemenyi_friedman(values).to_numpy()
    cd = critical_difference(k, n, alpha)
    return RankTest(ranks, n, statistic, p_value, f, cd, nemenyi, _groups(ranks, cd), alpha)


def average_ranks(frame: "pd.DataFrame | Runs", budget: int | None = None, *, alpha: float = 0.05) -> RankTest:
    """Rank strategies on each task by their mean regret over seeds, and test whether the ranks differ.

    Args:
        frame: The tidy frame of a comparison, or what :func:`read_runs` made of it; the tasks on which every strategy
            has a run are the blocks.
        budget: After how many evaluations; None takes all.
        alpha: Level of significance.

    Raises:
        InvalidInputError: The frame is not as it should be, or no task has runs of every strategy.
        MissingExtraError: scikit-posthocs is not installed.
    """
    return rank_blocks(task_means(frame, budget), alpha=alpha)


def pairwise_wilcoxon(frame: "pd.DataFrame | Runs", budget: int | None = None) -> "pd.DataFrame":
    """Wilcoxon's signed-rank test of every pair of strategies over tasks, corrected by Holm's method.

    Args:
        frame: As in :func:`average_ranks`. The differences are those of mean normalised regrets, since the test
            compares their sizes between tasks.
        budget: After how many evaluations; None takes all.

    Returns:
        One row per pair: first, second, tasks, difference (median over tasks of the first's minus the second's regret;
        negative = the first is better), p, p_holm. With n tasks no p is below 2 / 2^n: five tasks or fewer can show
        nothing at the level of 5 %.
    """
    import pandas as pd

    blocks = task_means(frame, budget)
    names = list(blocks.columns)
    values = blocks.to_numpy()
    p = np.ones((2, len(names), len(names)))
    if len(names) > 1 and len(blocks) > 1:  # one task shows nothing: p = 1
        for i, method in enumerate((None, "holm")):
            # Halves the zero differences (Pratt's "zsplit"): strategies that are always equal get p = 1.
            found = _posthocs().posthoc_wilcoxon(list(values.T), zero_method="zsplit", p_adjust=method)
            p[i] = found.to_numpy()
    rows = [
        (names[i], names[j], len(blocks), float(np.median(values[:, i] - values[:, j])), p[0, i, j], p[1, i, j])
        for i, j in combinations(range(len(names)), 2)
    ]
    return pd.DataFrame(rows, columns=["first", "second", "tasks", "difference", "p", "p_holm"])


def task_means(frame: "pd.DataFrame | Runs", budget: int | None = None) -> "pd.DataFrame":
    """Mean normalised regret over seeds, a row per task on which all have runs, a column per strategy."""
    import pandas as pd

    runs = read_runs(frame).complete
    # Rounded, so that means of the same numbers in another order are a tie.
    means = np.nanmean(runs.normalised[..., runs.at(budget)], axis=2).round(9)
    return pd.DataFrame(means.T, index=list(runs.tasks), columns=list(runs.strategies))


def _groups(ranks: "pd.Series[float]", cd: float) -> list[list[str]]:
    names, values = [str(name) for name in ranks.index], ranks.to_numpy()
    groups: list[list[str]] = []
    end = 0
    for i in range(len(names)):
        reach = int(np.searchsorted(values, values[i] + cd, side="right"))
        if reach > max(end, i + 1):  # longer than the last group, so not inside it
            groups.append(names[i:reach])
            end = reach
    return groups


def _posthocs() -> ModuleType:
    try:
        import scikit_posthocs
    except ImportError:
        raise MissingExtraError.of("scikit-posthocs", "stats", "the comparison of ranks") from None
    return scikit_posthocs
