"""Warm starts: what was good elsewhere comes first, then another strategy goes on."""

from collections import deque
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.spaces.base import Rows
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate


@final
class WarmStart(Strategy):
    """Proposes given architectures first, in their order, and then what another strategy proposes.

    Given rows that may not be proposed (not measured, not allowed, told before) are passed over. The other strategy is
    told everything, and shares one book of what was proposed: nothing comes twice. Batches that would be partly given
    rows and partly its own end with the given ones, so that it may learn from them first.

    Args:
        strategy: Goes on where the rows end; a new one that has proposed nothing yet.
        X: Rows to begin with, the most promising first, shape (n, d).
    """

    several_objectives: ClassVar[bool] = True  # as far as the other strategy takes them

    def __init__(self, strategy: Strategy, X: npt.ArrayLike) -> None:
        rows = strategy.space.rows(X).copy()
        for i in np.flatnonzero(~strategy.space.valid(rows))[:1]:
            raise InvalidInputError(
                f"WarmStart: expected rows of space {strategy.space.name!r}, got {rows[i].tolist()}; "
                "take rows from space.parse(...) or library.retrieve(...)"
            )
        super().__init__(strategy.space, random_state=strategy.random_state, allowed=strategy.allowed, key=strategy.key)
        self.strategy = strategy
        self.X = rows
        self.ledger = strategy.ledger
        self._given: deque[Candidate] | None = None  # until the first request, conditions may still be added

    def restrict(self, *, allowed: Predicate | None = None, key: Key | None = None, among: Rows | None = None) -> None:
        """Narrow what both may propose; see :meth:`Strategy.restrict`."""
        self.strategy.restrict(allowed=allowed, key=key, among=among)

    def _propose(self, n: int) -> Proposal:
        if self._given is None:
            self._given = deque(self.ledger.screen(self.X))
        taken = self.ledger.claim(self._given, n)
        return Proposal(self.ledger.rows(taken)) if taken else self.strategy.ask(n)

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        # Not tell(): the book is shared, and what is settled in it twice would no longer count as pending elsewhere.
        self.strategy._learn(X, self.strategy._check_scores(scores, len(X)), epochs, cost_s)

    def __repr__(self) -> str:
        return f"WarmStart({self.strategy!r}, {len(self.X)} rows)"
