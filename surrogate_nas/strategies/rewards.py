"""Rewards without a unit, for strategies that weigh scores rather than compare them."""

import math
from bisect import bisect_left, bisect_right, insort
from typing import final


@final
class RunningRank:
    """The share of the earlier scores that a score beats, ties as half: from 0 to 1, whatever the unit.

    Scores of architectures have long tails (networks that did not learn), which would drown the differences
    that matter. Ranks do not: a strategy that sees them alone does the same after any increasing transformation
    of the scores. A failed evaluation beats nothing, and counts as lower than all others.
    """

    def __init__(self) -> None:
        self._sorted: list[float] = []

    def add(self, score: float) -> float:
        """Rank ``score`` among the earlier ones and remember it; the first gets one half.

        Args:
            score: Higher is better; NaN = failed.
        """
        value = -math.inf if math.isnan(score) else score
        known = self._sorted
        below, up_to = bisect_left(known, value), bisect_right(known, value)
        insort(known, value)
        if value == -math.inf:
            return 0.0
        return (below + up_to + 1) / 2 / len(known)
