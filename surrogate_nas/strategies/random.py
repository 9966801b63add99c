"""Random search: the baseline that every other strategy has to beat."""

from collections import deque
from typing import ClassVar, final

import numpy.typing as npt

from surrogate_nas.core import Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate

#: Candidates drawn at once; one run of the usual length needs one draw.
BLOCK = 256


@final
class RandomSearch(Strategy):
    """Uniform over what was not proposed yet.

    Args:
        space: Where the architectures come from.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".
    """

    several_objectives: ClassVar[bool] = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self._pool: deque[Candidate] = deque()

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        return Proposal(ledger.rows(ledger.draw(n, self._sample, self._rng, self._pool, BLOCK)))

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        """Scores change nothing."""
