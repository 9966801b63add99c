"""Objectives: how good is it, and what did it cost.

Scores are in the metric's own unit and sign; ``direction`` says which way is better. What only an
evaluation may know (test scores, the best there is) is not reachable from here for a strategy: it is
handed rows and scores by the run, and :meth:`Objective.truth` is read by the result alone.
"""

from surrogate_nas.experiments.objectives.base import Evaluation, Objective
from surrogate_nas.experiments.objectives.combined import MultiObjective, WeightedObjective
from surrogate_nas.experiments.objectives.few_shot import FewShotObjective
from surrogate_nas.experiments.objectives.function import CallableObjective
from surrogate_nas.experiments.objectives.limits import Limit
from surrogate_nas.experiments.objectives.noisy import NoisyObjective, ReplicatedObjective
from surrogate_nas.experiments.objectives.predictor import PredictorObjective, Scorer
from surrogate_nas.experiments.objectives.supernet import SupernetObjective
from surrogate_nas.experiments.objectives.table import TableObjective
from surrogate_nas.experiments.objectives.training import TrainingObjective

__all__ = [
    "CallableObjective",
    "Evaluation",
    "FewShotObjective",
    "Limit",
    "MultiObjective",
    "NoisyObjective",
    "Objective",
    "PredictorObjective",
    "ReplicatedObjective",
    "Scorer",
    "SupernetObjective",
    "TableObjective",
    "TrainingObjective",
    "WeightedObjective",
]
