"""Regularized (aging) evolution.

References:
    [real2019] Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search.
    AAAI 2019. https://arxiv.org/abs/1802.01548
"""

import math
from collections import deque
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
class RegularizedEvolution(Strategy):
    """Aging evolution [real2019]: the best of a random few has a child, the oldest dies.

    The first ``population_size`` architectures are random. Each one after them is a mutant (one gene
    changed) of the winner of a tournament, the best of ``sample_size`` members drawn with replacement.
    What was told joins the population on the right; the oldest leaves on the left, however good it is.

    Differs from [real2019]: nothing is proposed twice, so a mutant seen before is replaced by another,
    and where several in a row were seen before, by a mutant of a mutant. A failed evaluation does not
    join. Architectures asked for together are children of the same population.

    Args:
        space: Where the architectures come from.
        population_size: Members of the population. The default suits a hundred evaluations or two; the paper
            uses 100 for twenty thousand.
        sample_size: Members drawn for one tournament.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        population: Its members, the oldest first.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        population_size: int = 30,
        sample_size: int = 10,
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
        self.population: deque[Member] = deque(maxlen=population_size)
        self._pool: deque[Candidate] = deque()
        self._litters = Litters(self.ledger, self._rng)
        self._tournaments = Tournaments(sample_size, self._rng)

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        taken: list[bytes] = []
        if (founders := min(n, self.population_size - len(self.population) - ledger.n_pending)) > 0:
            taken = ledger.draw(founders, self._sample, self._rng, self._pool, BLOCK)
        return self._fill(n, self._child, taken)

    def _child(self, k: int) -> list[bytes]:
        """One child of the population, where there is one."""
        return self._litters.child(self._tournaments.winner(self.population).row) if self.population else []

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for i, score in enumerate(scores.tolist()):
            if not math.isnan(score):
                self.population.append(Member(score, X[i : i + 1].copy()))

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)
