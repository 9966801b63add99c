"""Strategies decide what to try next: asked for architectures, told their scores, nothing else."""

from surrogate_nas.strategies.annealing import SimulatedAnnealing
from surrogate_nas.strategies.base import Strategy
from surrogate_nas.strategies.breeding import Member
from surrogate_nas.strategies.evolution import RegularizedEvolution
from surrogate_nas.strategies.exhaustive import Exhaustive, Ranker
from surrogate_nas.strategies.genetic import GeneticAlgorithm
from surrogate_nas.strategies.ledger import Candidate, Key, Ledger, Predicate
from surrogate_nas.strategies.local import LocalSearch
from surrogate_nas.strategies.nsga2 import NSGA2
from surrogate_nas.strategies.random import RandomSearch
from surrogate_nas.strategies.reinforce import Reinforce
from surrogate_nas.strategies.steady_state import SteadyStateEvolution
from surrogate_nas.strategies.warm_start import WarmStart

__all__ = [
    "Candidate",
    "Exhaustive",
    "GeneticAlgorithm",
    "Key",
    "Ledger",
    "LocalSearch",
    "Member",
    "NSGA2",
    "Predicate",
    "RandomSearch",
    "Ranker",
    "RegularizedEvolution",
    "Reinforce",
    "SimulatedAnnealing",
    "SteadyStateEvolution",
    "Strategy",
    "WarmStart",
]
