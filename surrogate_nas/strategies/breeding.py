"""What evolutionary strategies share: members, tournaments among them, and new mutants of one of them.

One draw of numbers or one screening of rows costs nearly the same for a few as for many, so both are done ahead.
"""

from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar, final

import numpy as np

from surrogate_nas.spaces.base import Rows
from surrogate_nas.strategies.ledger import Candidate, Ledger

#: How many mutants of one parent and how many tournaments are drawn at once.
LITTER, TOURNAMENTS = 12, 64

_SCORE = itemgetter(0)
_Scored = TypeVar("_Scored", bound=tuple[Any, ...])


class Member(NamedTuple):
    """One architecture of a population.

    Attributes:
        score: Higher is better.
        row: Shape (1, d).
    """

    score: float
    row: Rows


@final
class Tournaments:
    """Choose parents: the best of a few members, drawn at random with replacement.

    Args:
        sample_size: How many are drawn.
        rng: Random stream.
    """

    def __init__(self, sample_size: int, rng: np.random.Generator) -> None:
        self._sample_size = sample_size
        self._rng = rng
        self._draws: list[list[float]] = []

    def winner(self, population: Sequence[_Scored]) -> _Scored:
        """The winner of one tournament among tuples that begin with a score."""
        if not self._draws:
            self._draws = self._rng.random((TOURNAMENTS, self._sample_size)).tolist()
        size = len(population)
        return max([population[int(u * size)] for u in self._draws.pop()], key=_SCORE)


@final
class Litters:
    """Mutants of given parents that were not proposed before.

    A mutant has one gene changed. One that was seen before is replaced by another, and where several in a row were
    seen before, by a mutant of a mutant.

    Args:
        ledger: Says what was seen before.
        rng: Random stream.
    """

    def __init__(self, ledger: Ledger, rng: np.random.Generator) -> None:
        self._ledger = ledger
        self._rng = rng
        self._waiting: dict[bytes, deque[Candidate]] = {}

    def child(self, parent: Rows) -> list[bytes]:
        """Claim one mutant of a parent, shape (1, d).

        Raises:
            SpaceExhaustedError: Nothing is left to propose.
        """
        last = parent

        def mutants(k: int) -> Rows:
            nonlocal last
            last = self._ledger.space.mutate(np.resize(last, (k, last.shape[1])), self._rng)
            return last

        litter = self._waiting.setdefault(parent.tobytes(), deque())
        return self._ledger.draw(1, mutants, self._rng, litter, LITTER)
