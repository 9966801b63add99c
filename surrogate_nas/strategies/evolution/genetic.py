"""Genetic algorithm with generations, crossover, mutation and survival of the best.

References:
    [holland1975] Holland: Adaptation in Natural and Artificial Systems. University of Michigan Press 1975.
    [blickle1996] Blickle, Thiele: A Comparison of Selection Schemes Used in Evolutionary Algorithms.
    Evolutionary Computation 4(4), 1996.
"""

import math
from collections import deque
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.evolution.breeding import Brood, Member
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate


@final
class GeneticAlgorithm(Strategy):
    """Generations [holland1975]: the best survive, all others make room for children of two parents.

    The first generation is random. Each later one is the best ``survival`` of the one before, who are not evaluated
    again, and children of it: two parents win a tournament each, ``crossover`` of the pairs mix their genes, the
    others pass on the first parent's, and ``mutation`` of the children have one gene changed besides.

    A child seen before is replaced by another, and where a whole brood was seen before, by mutants of such. A failed
    evaluation does not join, and another takes its place. A generation ends when all of it was told; until then fewer
    architectures are proposed than asked for, or none, so choose batches that divide ``population_size``.

    Args:
        space: Where the architectures come from.
        population_size: Members of a generation. The default is the usual one, for a thousand evaluations and
            more; for a hundred or two take 20, or most of them are spent on the random first generation.
        crossover: Share of children that mix the genes of two parents.
        mutation: Share of children that have one gene changed.
        survival: Share of a generation that lives on in the next.
        sample_size: Members drawn, with replacement, for one tournament. 2 is the same as selection in proportion to
            rank [blickle1996], 1 is none.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        population: The latest complete generation, the best first; empty before the first is complete.
        newcomers: Who was told since and succeeded.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        population_size: int = 100,
        crossover: float = 0.7,
        mutation: float = 0.2,
        survival: float = 0.1,
        sample_size: int = 5,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        for name, size, least in (("population_size", population_size, 2), ("sample_size", sample_size, 1)):
            if size < least:
                raise InvalidInputError(f"{name}: expected at least {least}, got {size}")
        for name, share in (("crossover", crossover), ("mutation", mutation), ("survival", survival)):
            if not 0 <= share <= 1:
                raise InvalidInputError(f"{name}: expected a share from 0 to 1, got {share}")
        if round(survival * population_size) >= population_size:
            raise InvalidInputError(f"survival: expected room for a child, got {survival} of {population_size}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.population_size = population_size
        self.crossover = crossover
        self.mutation = mutation
        self.survival = survival
        self.sample_size = sample_size
        self.population: list[Member] = []
        self.newcomers: list[Member] = []
        self._genes: Rows = np.empty((0, space.n_genes), dtype=np.int16)  # of the population
        self._pool: deque[Candidate] = deque()

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        if len(self.newcomers) >= self._room:
            self._turn()
        n = min(n, self._room - len(self.newcomers) - ledger.n_pending)
        if n <= 0:
            return Proposal(self._genes[:0])
        source = self._brood() if self.population else self._sample
        block = 2 * self._room  # enough for a generation, although some children were seen before
        return Proposal(ledger.rows(ledger.draw(n, source, self._rng, self._pool, block)))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for i, score in enumerate(scores.tolist()):
            if not math.isnan(score):
                self.newcomers.append(Member(score, X[i : i + 1].copy()))

    @property
    def _elite(self) -> list[Member]:
        return self.population[: round(self.survival * self.population_size)]

    @property
    def _room(self) -> int:
        """How many newcomers the generation in the making takes."""
        return self.population_size - len(self._elite)

    def _turn(self) -> None:
        """The newcomers and the elite are the population from now on."""
        ranked = sorted(self._elite + self.newcomers, key=lambda m: m.score, reverse=True)
        self.population = ranked[: self.population_size]
        self._genes = np.concatenate([m.row for m in self.population])
        self.newcomers = []
        self._pool.clear()  # children of the parents before

    def _brood(self) -> Brood:
        shares = {"crossover": self.crossover, "mutation": self.mutation}
        return Brood(self.space, self._genes, self._rng, sample_size=self.sample_size, **shares)

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)
