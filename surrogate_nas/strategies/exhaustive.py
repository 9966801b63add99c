"""Exhaustive search: every architecture once, in the space's order or the best predicted first."""

from typing import Any, ClassVar, Protocol, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import MAX_LISTED, Key, Predicate
from surrogate_nas.strategies.model_based.pool import Ranking


class Ranker(Protocol):
    """What is needed of a predictor to rank architectures with it.

    Attributes:
        direction: "max" if a higher prediction is better, "min" if a lower one is.
    """

    direction: Direction

    def predict(self, X: npt.ArrayLike) -> Any:
        """Expected scores of rows (n, d), shape (n,)."""


@final
class Exhaustive(Strategy):
    """Every architecture once, for spaces that can be listed.

    With a predictor that was fitted before, this is how a ranking is tried from the top: the best
    expected first, equal ones in the space's order. It learns nothing from what it is told.

    Args:
        space: Where the architectures come from.
        predictor: Fitted predictor whose ranking is the order; None takes the space's own.
        random_state: Not used: nothing here is random.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".
    """

    several_objectives: ClassVar[bool] = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        predictor: Ranker | None = None,
        random_state: RandomState = 0,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.predictor = predictor
        self._ranking: Ranking | None = None

    def _propose(self, n: int) -> Proposal:
        if self._ranking is None:
            self._ranking = Ranking(self.ledger, self._sorted())
        taken = self._ranking.claim(n)
        if not taken:
            raise self.ledger.exhausted()
        return Proposal(self.ledger.rows(taken))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        """Scores change nothing."""

    def _sorted(self) -> Rows:
        rows = self.ledger.listed()
        if rows is None:
            raise InvalidInputError(
                f"Exhaustive: expected a space of at most {MAX_LISTED:,} architectures, got {self.space.name!r} with "
                f"{self.space.size:,}; take RandomSearch or RegularizedEvolution"
            )
        if self.predictor is None:
            return rows
        mean = np.asarray(self.predictor.predict(rows), dtype=np.float64)
        if mean.shape != (len(rows),):
            raise InvalidInputError(f"predictor: expected predictions of shape ({len(rows)},), got {mean.shape}")
        return rows[np.argsort(-mean if self.predictor.direction == "max" else mean, kind="stable")]
