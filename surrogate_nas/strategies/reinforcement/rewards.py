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
        rank = self.of(score, own=1)
        insort(self._sorted, _comparable(score))
        return rank

    def of(self, score: float, *, own: int = 0) -> float:
        """Rank of ``score`` among those remembered.

        Args:
            score: Higher is better; NaN = failed.
            own: 1 where the score is not among them yet, and so counts itself.
        """
        if math.isnan(score):
            return 0.0
        known = self._sorted
        return (bisect_left(known, score) + bisect_right(known, score) + own) / 2 / max(1, len(known) + own)


def _comparable(score: float) -> float:
    return -math.inf if math.isnan(score) else score
