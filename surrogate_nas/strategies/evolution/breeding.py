"""What evolutionary strategies share: members, tournaments among them, new mutants of one, and children of two.

One draw of numbers or one screening of rows costs nearly the same for a few as for many, so both are done ahead.
"""

from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar, final

import numpy as np

from surrogate_nas.spaces.base import Rows, SearchSpace
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


@final
class Brood:
    """Children of a generation, as many as asked for, with crossover and mutation.

    Where children are asked for again, those before were known already: then each is changed by one edit more.

    Args:
        space: The space of the rows.
        parents: The generation, the fittest first, shape (p, d).
        rng: Random stream.
        crossover: Share of children that mix the genes of two parents; the others take those of the first.
        mutation: Share of children that are changed by one edit besides.
        sample_size: Members drawn, with replacement, for the tournament that chooses a parent.
    """

    def __init__(
        self,
        space: SearchSpace,
        parents: Rows,
        rng: np.random.Generator,
        *,
        crossover: float,
        mutation: float,
        sample_size: int,
    ) -> None:
        self._space = space
        self._parents = parents
        self._rng = rng
        self._crossover = crossover
        self._mutation = mutation
        self._sample_size = sample_size
        self._edits = 0

    def __call__(self, k: int) -> Rows:
        """Children, shape (k, d)."""
        space, rng, size = self._space, self._rng, (2, k, self._sample_size)
        first, second = rng.integers(len(self._parents), size=size).min(axis=2)  # the fittest stand first
        X = self._parents[first]
        mixed = np.flatnonzero(rng.random(k) < self._crossover)
        X[mixed] = space.crossover(X[mixed], self._parents[second[mixed]], rng)
        mutated = np.flatnonzero(rng.random(k) < self._mutation)
        X[mutated] = space.mutate(X[mutated], rng)
        for _ in range(self._edits):
            X = space.mutate(X, rng)
        self._edits += 1
        return X
