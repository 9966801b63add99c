"""Steady-state evolution: the child replaces the worst.

References:
    [whitley1989] Whitley: The GENITOR Algorithm and Selection Pressure: Why Rank-Based Allocation of Reproductive
    Trials is Best. ICGA 1989.
"""

import math
from collections import deque
from heapq import heappush, heappushpop
from typing import final

import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.evolution.breeding import Litters, Member, Tournaments
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate

#: How many random candidates are drawn at once, to save calls.
BLOCK = 64


@final
class SteadyStateEvolution(Strategy):
    """Evolution without generations [whitley1989]: the best of a random few has a child, the worst of all leaves.

    The first ``population_size`` architectures are random. Each one after them is a mutant (one gene changed) of the
    winner of a tournament, the best of ``sample_size`` members drawn with replacement. What was told joins, and the
    worst leaves, the oldest of several equally bad ones; so the members are always the best that were told.
    Beside :class:`RegularizedEvolution`, where the oldest leaves, it forgets nothing that is good: quicker where
    scores are exact, easier to mislead where a lucky training stays.

    A mutant seen before is replaced by another, and where several in a row were seen before, by a mutant of a mutant.
    A failed evaluation does not join. Architectures asked for together are children of the same population.

    Args:
        space: Where the architectures come from.
        population_size: Members of the population. The default suits a hundred evaluations or two.
        sample_size: Members drawn for one tournament.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        population_size: int = 20,
        sample_size: int = 5,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        for name, value in (("population_size", population_size), ("sample_size", sample_size)):
            if value < 1:
                raise InvalidInputError(f"{name}: expected at least 1, got {value}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.population_size = population_size
        self.sample_size = sample_size
        self._heap: list[tuple[float, int, Rows]] = []  # score, order of joining, row: the one to leave first
        self._joined = 0
        self._pool: deque[Candidate] = deque()
        self._litters = Litters(self.ledger, self._rng)
        self._tournaments = Tournaments(sample_size, self._rng)

    @property
    def population(self) -> list[Member]:
        """Its members, the best first."""
        return [Member(score, row) for score, _, row in sorted(self._heap, key=lambda m: m[:2], reverse=True)]

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        taken: list[bytes] = []
        if (founders := min(n, self.population_size - len(self._heap) - ledger.n_pending)) > 0:
            taken = ledger.draw(founders, self._sample, self._rng, self._pool, BLOCK)
        return self._fill(n, self._child, taken)

    def _child(self, k: int) -> list[bytes]:
        """One child of the population, where there is one."""
        return self._litters.child(self._tournaments.winner(self._heap)[2]) if self._heap else []

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for i, score in enumerate(scores.tolist()):
            if not math.isnan(score):
                full = len(self._heap) == self.population_size
                (heappushpop if full else heappush)(self._heap, (score, self._joined, X[i : i + 1].copy()))
                self._joined += 1

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)
