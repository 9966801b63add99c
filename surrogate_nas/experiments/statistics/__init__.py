"""Statistics of a comparison of search strategies, from its tidy frame alone.

The blocks are the tasks: the seeds of a task are averaged first, and intervals resample tasks, then the seeds within
each. Regrets of different tasks have different units and sizes; before they are averaged over tasks, each is divided by
what one random architecture lacks there (:meth:`Runs.scale`).

Symbols: s strategies, t tasks, r seeds, n evaluations.
"""

from surrogate_nas.experiments.statistics.clock import by_full_trainings
from surrogate_nas.experiments.statistics.profiles import (
    performance_profile,
    probability_of_improvement,
    score_profile,
)
from surrogate_nas.experiments.statistics.ranks import (
    RankTest,
    average_ranks,
    critical_difference,
    pairwise_wilcoxon,
    rank_blocks,
    task_means,
)
from surrogate_nas.experiments.statistics.regret import area_under_curve, regret_by_task, regret_over_tasks
from surrogate_nas.experiments.statistics.runs import Runs, read_runs
from surrogate_nas.experiments.statistics.summary import summary
from surrogate_nas.experiments.statistics.targets import (
    evaluations_to_target,
    evaluations_to_target_over_tasks,
    first_hits,
    has_target,
)

__all__ = [
    "RankTest",
    "Runs",
    "area_under_curve",
    "average_ranks",
    "by_full_trainings",
    "critical_difference",
    "evaluations_to_target",
    "evaluations_to_target_over_tasks",
    "first_hits",
    "has_target",
    "pairwise_wilcoxon",
    "performance_profile",
    "probability_of_improvement",
    "rank_blocks",
    "read_runs",
    "regret_by_task",
    "regret_over_tasks",
    "score_profile",
    "summary",
    "task_means",
]
