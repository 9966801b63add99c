"""Strategies decide what to try next: asked for architectures, told their scores, nothing else."""

from surrogate_nas.strategies.annealing import SimulatedAnnealing
from surrogate_nas.strategies.base import Strategy
from surrogate_nas.strategies.evolution.breeding import Member
from surrogate_nas.strategies.evolution.genetic import GeneticAlgorithm
from surrogate_nas.strategies.evolution.regularized import RegularizedEvolution
from surrogate_nas.strategies.evolution.steady_state import SteadyStateEvolution
from surrogate_nas.strategies.exhaustive import Exhaustive, Ranker
from surrogate_nas.strategies.ledger import Candidate, Key, Ledger, Predicate
from surrogate_nas.strategies.local import LocalSearch
from surrogate_nas.strategies.model_based.acquisition import (
    Acquisition,
    Beliefs,
    ExpectedImprovement,
    Greedy,
    Narrowing,
    ProbabilityOfImprovement,
    ThompsonSampling,
    UpperConfidenceBound,
)
from surrogate_nas.strategies.model_based.gradient import GradientAscent
from surrogate_nas.strategies.model_based.mixture import Mixture
from surrogate_nas.strategies.model_based.model_based import Model, ModelBased
from surrogate_nas.strategies.multi_fidelity.asha import ASHA
from surrogate_nas.strategies.multi_fidelity.bohb import BOHB
from surrogate_nas.strategies.multi_fidelity.fidelity import levels_between
from surrogate_nas.strategies.multi_fidelity.halving import SuccessiveHalving
from surrogate_nas.strategies.multi_fidelity.hyperband import Hyperband, hyperband_brackets
from surrogate_nas.strategies.multi_fidelity.learning_curve import LearningCurveStopping
from surrogate_nas.strategies.multi_objective.constrained import Constrained
from surrogate_nas.strategies.multi_objective.ehvi import ExpectedHypervolumeImprovement
from surrogate_nas.strategies.multi_objective.nsga2 import NSGA2
from surrogate_nas.strategies.multi_objective.scalarized import Scalarized
from surrogate_nas.strategies.random import RandomSearch
from surrogate_nas.strategies.reinforcement.hybrid import HybridSearch
from surrogate_nas.strategies.reinforcement.reinforce import Reinforce
from surrogate_nas.strategies.reinforcement.tree_search import MonteCarloTreeSearch
from surrogate_nas.strategies.warm_start import WarmStart

__all__ = [
    "ASHA",
    "Acquisition",
    "BOHB",
    "Beliefs",
    "Candidate",
    "Constrained",
    "Exhaustive",
    "ExpectedHypervolumeImprovement",
    "ExpectedImprovement",
    "GeneticAlgorithm",
    "GradientAscent",
    "Greedy",
    "HybridSearch",
    "Hyperband",
    "Key",
    "LearningCurveStopping",
    "Ledger",
    "LocalSearch",
    "Member",
    "Mixture",
    "Model",
    "ModelBased",
    "MonteCarloTreeSearch",
    "NSGA2",
    "Narrowing",
    "Predicate",
    "ProbabilityOfImprovement",
    "RandomSearch",
    "Ranker",
    "RegularizedEvolution",
    "Reinforce",
    "Scalarized",
    "SimulatedAnnealing",
    "SteadyStateEvolution",
    "Strategy",
    "SuccessiveHalving",
    "ThompsonSampling",
    "UpperConfidenceBound",
    "WarmStart",
    "hyperband_brackets",
    "levels_between",
]
