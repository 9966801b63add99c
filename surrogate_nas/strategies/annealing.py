"""Simulated annealing.

References:
    [kirkpatrick1983] Kirkpatrick, Gelatt, Vecchi: Optimization by Simulated Annealing. Science 220(4598), 1983.
"""

import math
from collections import deque
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.evolution.breeding import Litters, Member
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate

#: How many random candidates, and how many random numbers, are drawn at once, to save calls.
BLOCK = 64


@final
class SimulatedAnnealing(Strategy):
    """A walk that always steps up and sometimes down, ever more rarely [kirkpatrick1983].

    The first ``initial_size`` architectures are random, and the walk starts at the best of them. Each one after them
    is a mutant (one gene changed) of where the walk stands; when it is told, the walk steps there with probability
    min(1, exp(gain / T)). T begins at ``temperature`` times the spread of the first scores, so it has their unit,
    whatever that is, and shrinks by ``cooling`` with each evaluation. Below ``coldest`` times its first value, where
    the walk hardly does anything but climb, it is warm again, and the walk goes on from the best there is. The
    defaults suit a hundred evaluations or two, with about 45 of them from warm to warm.

    A mutant seen before is replaced by another, and where several in a row were seen before, by a mutant of a mutant.
    The walk does not step to a failed evaluation. Architectures asked for together are mutants of the same one.

    Args:
        space: Where the architectures come from.
        initial_size: Random architectures before the walk, at least 2.
        temperature: The first T, as a share of the range of the middle half of the first scores; a few hopeless ones
            do not stretch it. 0 only climbs.
        cooling: What T is multiplied by after each evaluation, above 0 and at most 1.
        coldest: Where it is warmed again, as a share of the first T; 0 = never.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        current: Where the walk stands; None before it starts.
        best: The best told so far; None before the first success.
        heat: The present T, in the unit of the scores; NaN before the walk starts.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        initial_size: int = 10,
        temperature: float = 0.2,
        cooling: float = 0.9,
        coldest: float = 0.01,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        if initial_size < 2:
            raise InvalidInputError(f"initial_size: expected at least 2, got {initial_size}")
        if not 0 <= temperature < math.inf:
            raise InvalidInputError(f"temperature: expected at least 0, got {temperature}")
        if not 0 < cooling <= 1:
            raise InvalidInputError(f"cooling: expected more than 0 and at most 1, got {cooling}")
        if not 0 <= coldest < 1:
            raise InvalidInputError(f"coldest: expected a share from 0 to below 1, got {coldest}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.initial_size = initial_size
        self.temperature = temperature
        self.cooling = cooling
        self.coldest = coldest
        self.current: Member | None = None
        self.best: Member | None = None
        self.heat = math.nan
        self._hottest = math.nan
        self._first_scores: list[float] = []
        self._pool: deque[Candidate] = deque()
        self._litters = Litters(self.ledger, self._rng)
        self._uniforms: list[float] = []

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        taken: list[bytes] = []
        if self.current is None:
            wanted = min(n, self.initial_size - len(self._first_scores) - ledger.n_pending)
            if wanted > 0:
                taken = ledger.draw(wanted, self._sample, self._rng, self._pool, BLOCK)
            return Proposal(ledger.rows(taken))
        row = self.current.row
        return self._fill(n, lambda k: self._litters.child(row))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for i, score in enumerate(scores.tolist()):
            if not math.isnan(score):
                self._visit(score, X[i : i + 1])

    def _visit(self, score: float, row: Rows) -> None:
        """One more success: a first score, or a step to take or not."""
        if self.best is None or score > self.best.score:
            self.best = Member(score, row.copy())
        if self.current is None:
            self._first_scores.append(score)
            if len(self._first_scores) == self.initial_size:
                self.heat = self._hottest = self.temperature * _spread(self._first_scores)
                self.current = self.best
            return
        if not self._uniforms:
            self._uniforms = self._rng.random(BLOCK).tolist()
        if self._uniforms.pop() < acceptance(score - self.current.score, self.heat):
            self.current = Member(score, row.copy())
        self.heat *= self.cooling
        if self.heat < self.coldest * self._hottest:
            self.heat, self.current = self._hottest, self.best

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)


def acceptance(gain: float, temperature: float) -> float:
    """Probability of a step [kirkpatrick1983]: 1 upwards and on the level, exp(gain / T) downwards, 0 at T = 0.

    Args:
        gain: Score there - score here.
        temperature: T, in the unit of the scores.
    """
    if gain >= 0:
        return 1.0
    return math.exp(gain / temperature) if temperature > 0 else 0.0


def _spread(scores: list[float]) -> float:
    low, high = np.quantile(scores, [0.25, 0.75])
    return float(high - low)
