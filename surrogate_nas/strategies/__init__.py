"""Strategies decide what to try next: asked for architectures, told their scores, nothing else."""

from surrogate_nas.strategies.base import Strategy
from surrogate_nas.strategies.breeding import Member
from surrogate_nas.strategies.evolution import RegularizedEvolution
from surrogate_nas.strategies.exhaustive import Exhaustive, Ranker
from surrogate_nas.strategies.ledger import Candidate, Key, Ledger, Predicate
from surrogate_nas.strategies.random import RandomSearch
from surrogate_nas.strategies.reinforce import Reinforce

__all__ = [
    "Candidate",
    "Exhaustive",
    "Key",
    "Ledger",
    "Member",
    "Predicate",
    "RandomSearch",
    "Ranker",
    "RegularizedEvolution",
    "Reinforce",
    "Strategy",
]
