"""The best architecture within limits that are only known after an evaluation.

References:
    [deb2000] Deb: An Efficient Constraint Handling Method for Genetic Algorithms. Computer Methods in Applied Mechanics
    and Engineering 186, 2000.
"""

from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError, Proposal
from surrogate_nas.spaces.base import Rows
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Key, Predicate
from surrogate_nas.strategies.multi_objective.limits import Limits


@final
class Constrained(Strategy):
    """Lets a strategy prefer architectures within limits: feasible first, then the better ones [deb2000].

    For strategies that compare scores (evolution, local search, NSGA-II): of two feasible architectures the better
    one is better, a feasible one is better than any other, and of two others the one that breaks its limits less.
    Costs that are known beforehand (parameters, operations) need none of this: ``allowed=`` never proposes
    what breaks them. A model would have to learn the cliff between feasible and not;
    :class:`ExpectedHypervolumeImprovement` takes the limits itself.

        Constrained(RegularizedEvolution(space), limits=(None, 5.0))      # accuracy, at a latency of at most 5 ms

    Args:
        strategy: A new strategy that has proposed nothing yet. Its random state, condition and key hold for the whole.
        limits: One entry per metric that is told, in its own unit; None for those that are to be as good as possible.
        directions: "min" for a limit from above, "max" for one from below; None takes "min" for every limit.
        penalty: Above the size of every score. What breaks its limits is told to the strategy as
            ``-penalty * (1 + share)``, with the share of each limit by which it is exceeded, summed.

    Raises:
        InvalidInputError: Nothing is left to improve, or a parameter cannot be.
    """

    several_objectives: ClassVar[bool] = True

    def __init__(
        self,
        strategy: Strategy,
        *,
        limits: Sequence[float | None],
        directions: Sequence[Direction] | None = None,
        penalty: float = 1e6,
    ) -> None:
        if not 0 < penalty < np.inf:
            raise InvalidInputError(f"penalty: expected a positive number, got {penalty}")
        super().__init__(strategy.space, random_state=strategy.random_state, allowed=strategy.allowed, key=strategy.key)
        self.strategy = strategy
        self.limits = limits
        self.directions = directions
        self.penalty = penalty
        self.ledger = strategy.ledger
        self._limits = Limits(limits, directions)

    def restrict(self, *, allowed: Predicate | None = None, key: Key | None = None, among: Rows | None = None) -> None:
        """Narrow what may be proposed; see :meth:`Strategy.restrict`."""
        self.strategy.restrict(allowed=allowed, key=key, among=among)

    def _propose(self, n: int) -> Proposal:
        return self.strategy._propose(n)

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        split = self._limits.split(scores)
        broken = split.broken[:, None]
        told = np.where(broken > 0, -self.penalty * (1 + broken), split.wanted)
        self.strategy._learn(X, self.strategy._check_scores(told, len(X)), epochs, cost_s)

    def __repr__(self) -> str:
        return f"Constrained({self.strategy!r}, limits={self.limits!r})"
