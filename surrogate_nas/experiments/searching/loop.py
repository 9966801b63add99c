"""What the two ways to run a search have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from surrogate_nas.execution import Executor
from surrogate_nas.experiments.objectives import Objective
from surrogate_nas.experiments.searching.account import Account
from surrogate_nas.experiments.searching.journal import Journal
from surrogate_nas.experiments.searching.result import SearchResult
from surrogate_nas.strategies import Strategy


@dataclass
class Loop(ABC):
    """Ask, evaluate, tell, until the account is empty.

    Attributes:
        objective: What is searched on.
        strategy: Proposes; already restricted to what the objective can evaluate.
        account: What is left to spend.
        journal: Where results are kept and taken from.
        batch_size: Architectures asked for at once.
        workers: Evaluations at once.
        executor: Where they run, unless results are recorded.
    """

    objective: Objective
    strategy: Strategy
    account: Account
    journal: Journal
    batch_size: int
    workers: int
    executor: Executor

    @abstractmethod
    def result(self) -> SearchResult:
        """Spend the budget."""
