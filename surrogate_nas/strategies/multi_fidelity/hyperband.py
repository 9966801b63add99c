"""Hyperband.

References:
    [li2018] Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar: Hyperband: A Novel Bandit-Based Approach to
    Hyperparameter Optimization. JMLR 18, 2018. https://arxiv.org/abs/1603.06560
"""

import math
from collections.abc import Sequence
from typing import final

from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies.ledger import Key, Predicate
from surrogate_nas.strategies.multi_fidelity.halving import ROUNDING, BracketSearch, Rung, mean_ratio, rungs


def hyperband_brackets(levels: Sequence[int], eta: float | None = None) -> list[tuple[Rung, ...]]:
    """The brackets of one round of Hyperband, from the one that stops the most to plain random search.

    With levels 1, 3, 9, 27, 81 these are the brackets of Table 1 in [li2018]. Its Algorithm 1 rounds later and
    begins with 34, 15 and 8 architectures instead of 27, 9 and 6, some brackets then costing more than the first.

    Args:
        levels: Training lengths in epochs, the shortest first.
        eta: One in ``eta`` architectures goes on to the next level; None takes the mean ratio of two levels.

    Returns:
        One bracket per level to begin at.
    """
    ratio = mean_ratio(levels) if eta is None else eta
    n_levels = len(levels)
    return [
        rungs(math.ceil(n_levels // (s + 1) * ratio**s - ROUNDING), levels[n_levels - 1 - s :], ratio)
        for s in reversed(range(n_levels))
    ]


@final
class Hyperband(BracketSearch):
    """Hyperband [li2018]: brackets of successive halving that begin with many short trainings or with few long ones.

    How much short trainings say about long ones is not known beforehand, so every degree of trust gets
    about the same share of the epochs, in turn, again and again.

    Args:
        space: Where the architectures come from.
        levels: Training lengths in epochs, the shortest first, such as (1, 3, 9, 27, 81).
        eta: One in ``eta`` goes on to the next level; None takes the mean ratio of two levels.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: What counts as the same, see ``ledger.Key``; None leaves it to the run, else "canonical".
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        levels: Sequence[int] = (),
        eta: float | None = None,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        super().__init__(space, levels=levels, eta=eta, random_state=random_state, allowed=allowed, key=key)
        self._round = hyperband_brackets(levels, eta)

    def _rungs(self, number: int) -> Sequence[Rung]:
        return self._round[number % len(self._round)]

    def _new(self) -> bytes:
        return self._random()
