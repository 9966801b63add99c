"""Experiments: objectives and searches, trainings that are kept, the main job and its comparison with luck."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogate_nas.experiments.arms import Arm, Budget, Outcome, play
    from surrogate_nas.experiments.catalogue import list_strategies, make_strategy
    from surrogate_nas.experiments.collection import collect, collect_tasks, mean_over_seeds, table_of_logs
    from surrogate_nas.experiments.comparing.compare import compare
    from surrogate_nas.experiments.comparing.comparison import Comparison
    from surrogate_nas.experiments.confirmation import confirm
    from surrogate_nas.experiments.main_job import MainJobResult, Settings, run_main_job, sources_of
    from surrogate_nas.experiments.objectives import (
        CallableObjective,
        Evaluation,
        FewShotObjective,
        Limit,
        MultiObjective,
        NoisyObjective,
        Objective,
        PredictorObjective,
        ReplicatedObjective,
        SupernetObjective,
        TableObjective,
        TrainingObjective,
        WeightedObjective,
    )
    from surrogate_nas.experiments.presets.default import default_strategy
    from surrogate_nas.experiments.presets.library import ArchitectureLibrary
    from surrogate_nas.experiments.proxies import proxy_table
    from surrogate_nas.experiments.run_log import RunLog, read_log
    from surrogate_nas.experiments.searching.search import SearchResult, search
    from surrogate_nas.experiments.trainings import LoggedTrainings, ReplayedTrainings
    from surrogate_nas.experiments.tuning import tune

#: Where each public name lives; on first use, because the trainer brings torch.
_HOMES = {
    "ArchitectureLibrary": "presets.library",
    "Arm": "arms",
    "Budget": "arms",
    "CallableObjective": "objectives",
    "Comparison": "comparing.comparison",
    "Evaluation": "objectives",
    "FewShotObjective": "objectives",
    "Limit": "objectives",
    "LoggedTrainings": "trainings",
    "MainJobResult": "main_job",
    "MultiObjective": "objectives",
    "NoisyObjective": "objectives",
    "Objective": "objectives",
    "Outcome": "arms",
    "PredictorObjective": "objectives",
    "ReplayedTrainings": "trainings",
    "ReplicatedObjective": "objectives",
    "RunLog": "run_log",
    "SearchResult": "searching.search",
    "Settings": "main_job",
    "SupernetObjective": "objectives",
    "TableObjective": "objectives",
    "TrainingObjective": "objectives",
    "WeightedObjective": "objectives",
    "collect": "collection",
    "collect_tasks": "collection",
    "compare": "comparing.compare",
    "confirm": "confirmation",
    "default_strategy": "presets.default",
    "list_strategies": "catalogue",
    "make_strategy": "catalogue",
    "mean_over_seeds": "collection",
    "play": "arms",
    "proxy_table": "proxies",
    "read_log": "run_log",
    "run_main_job": "main_job",
    "search": "searching.search",
    "sources_of": "main_job",
    "table_of_logs": "collection",
    "tune": "tuning",
}

__all__ = [
    "ArchitectureLibrary", "Arm", "Budget", "CallableObjective", "Comparison", "Evaluation", "FewShotObjective",
    "Limit", "LoggedTrainings", "MainJobResult", "MultiObjective", "NoisyObjective", "Objective", "Outcome",
    "PredictorObjective", "ReplayedTrainings", "ReplicatedObjective", "RunLog", "SearchResult", "Settings",
    "SupernetObjective", "TableObjective", "TrainingObjective", "WeightedObjective", "collect", "collect_tasks",
    "compare", "confirm", "default_strategy", "list_strategies", "make_strategy", "mean_over_seeds", "play",
    "proxy_table", "read_log", "run_main_job", "search", "sources_of", "table_of_logs", "tune",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
