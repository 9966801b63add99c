"""Several objectives through a strategy for one: a weighted score, with new weights again and again.

References:
    [knowles2006] Knowles: ParEGO: A Hybrid Algorithm with On-Line Landscape Approximation for Expensive
    Multiobjective Optimization Problems. IEEE Transactions on Evolutionary Computation 10(1), 2006.
"""

import copy
from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.spaces.base import Rows
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Key, Predicate


@final
class Scalarized(Strategy):
    """Lets any strategy for one score search in several, by the augmented Chebyshev function [knowles2006].

    Each objective is scaled to what it lacks of the best seen, from 0 (the best) to 1 (the worst). The strategy is told
    the negative of max_j w_j f_j + rho sum_j w_j f_j: every point of the front is the optimum for some weights, also
    where the front bends inwards. After ``period`` proposals new weights are drawn, uniform over all that sum to 1, the
    scale is brought up to date, and a fresh copy of the strategy is told everything again. Around a model-based
    strategy this is ParEGO.

    With one score per architecture it is the strategy itself.

    Args:
        strategy: A new strategy that has proposed nothing yet, and decides by what it was told, however that came
            about. Its random state, condition and key hold for the whole.
        weights: Fixed weights, one per objective, not negative; None draws them.
        period: Proposals under the same weights and scale; a batch that is asked for at once has the same, too. A
            model is fitted anew each time, so 10 is kinder to those.
        rho: Weight of the sum, which tells weakly dominated architectures from others.

    Raises:
        InvalidInputError: A parameter cannot be.
    """

    several_objectives: ClassVar[bool] = True

    def __init__(
        self, strategy: Strategy, *, weights: Sequence[float] | None = None, period: int = 1, rho: float = 0.05
    ) -> None:
        if period < 1:
            raise InvalidInputError(f"period: expected at least 1, got {period}")
        if not rho >= 0:
            raise InvalidInputError(f"rho: expected a number that is not negative, got {rho}")
        if weights is not None and not (np.min(weights) >= 0 and 0 < np.sum(weights) < np.inf):
            raise InvalidInputError(f"weights: expected numbers of at least 0, not all of them 0, got {weights!r}")
        super().__init__(strategy.space, random_state=strategy.random_state, allowed=strategy.allowed, key=strategy.key)
        self.strategy = strategy
        self.weights = weights
        self.period = period
        self.rho = rho
        self.ledger = strategy.ledger
        self._rng = self._rng.spawn(1)[0]  # with an integer seed, the strategy draws from the same stream
        self._X: list[Rows] = []
        self._tables: list[Floats] = []
        self._epochs: list[npt.ArrayLike | None] = []
        self._cost_s: list[npt.ArrayLike | None] = []
        self._working: Strategy | None = None  # a copy of the strategy, under the present weights
        self._proposed = 0  # by that copy
        self._weights = self._best = self._span = np.empty(0)

    def restrict(self, *, allowed: Predicate | None = None, key: Key | None = None, among: Rows | None = None) -> None:
        """Narrow what may be proposed; see :meth:`Strategy.restrict`."""
        self.strategy.restrict(allowed=allowed, key=key, among=among)

    def _propose(self, n: int) -> Proposal:
        several = bool(self._tables) and self._tables[0].shape[1] > 1
        if self._working is None or (several and self._proposed >= self.period):
            self._working = self._begin()
        proposal = self._working._propose(n)
        self._proposed += len(proposal.X)
        return proposal

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        table = scores.reshape(len(X), -1).copy()
        first = not self._tables
        if not first and table.shape[1] != self._tables[0].shape[1]:
            raise InvalidInputError(
                f"tell: expected {self._tables[0].shape[1]} scores per architecture as before, got {table.shape[1]}"
            )
        self._X.append(X.copy())
        self._tables.append(table)
        self._epochs.append(copy.copy(epochs))
        self._cost_s.append(copy.copy(cost_s))
        if self._working is not None:
            if first:
                self._set_out()
            self._working._learn(X, self._combined(table), epochs, cost_s)

    def _begin(self) -> Strategy:
        """A fresh copy of the strategy that knows everything, under new weights.

        The book of what was proposed and the random stream are shared, so that nothing comes twice.
        """
        shared = (self.ledger, self.strategy._rng, self.allowed)
        strategy = copy.deepcopy(self.strategy, {id(part): part for part in shared})
        self._proposed = 0
        if self._tables:
            self._set_out()
            combined = self._combined(np.concatenate(self._tables))
            strategy._learn(np.concatenate(self._X), combined, _joined(self._epochs), _joined(self._cost_s))
        return strategy

    def _set_out(self) -> None:
        """Weights, and the best score and the range of each objective so far; 1 where there is no range yet."""
        told = np.concatenate(self._tables)
        m = told.shape[1]
        weights = self._rng.dirichlet(np.ones(m)) if self.weights is None else np.array(self.weights, dtype=np.float64)
        if len(weights) != m and m > 1:
            raise InvalidInputError(f"weights: expected one for each of {m} objectives, got {len(weights)}")
        self._weights = weights / weights.sum()
        alive = told[~np.isnan(told).any(axis=1)]
        self._best = alive.max(axis=0) if len(alive) else np.zeros(m)
        span = np.ptp(alive, axis=0) if len(alive) else np.zeros(m)
        self._span = np.where(span > 0, span, 1.0)

    def _combined(self, table: Floats) -> Floats:
        """One score for each row, shape (n,), higher is better; NaN where an objective failed."""
        if table.shape[1] == 1:
            return table[:, 0]
        lack = self._weights * (self._best - table) / self._span
        combined: Floats = -(lack.max(axis=1) + self.rho * lack.sum(axis=1))
        return combined

    def __repr__(self) -> str:
        return f"Scalarized({self.strategy!r})"


def _joined(parts: list[npt.ArrayLike | None]) -> npt.ArrayLike | None:
    """One array of what was told in parts; None where it was not told each time."""
    known = [np.asarray(part) for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None
