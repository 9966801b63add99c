"""NSGA-II: evolution towards the whole Pareto front, by rank and room.

References:
    [deb2002] Deb, Pratap, Agarwal, Meyarivan: A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II. IEEE
    Transactions on Evolutionary Computation 6(2), 2002.
    [blank2020] Blank, Deb: pymoo, Multi-Objective Optimization in Python. IEEE Access 8, 2020.
"""

from collections import deque
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, MissingExtraError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.evolution.breeding import Brood
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate


@final
class NSGA2(Strategy):
    """Parents and children compete for the next generation by rank, then by crowding distance [deb2002].

    The first ``population_size`` architectures are random. A parent is the better of two random members: the lower
    rank, or the larger crowding distance in the same rank. Two parents have a child, with the space's own crossover
    and mutation, so that any space works. When ``n_offspring`` children were told, pymoo [blank2020] sorts them
    and their parents, and the best ``population_size`` stay. With one score per architecture it is a genetic algorithm.

    Differs from [deb2002]: nothing is proposed twice, fewer children than parents make a generation, and a
    failed evaluation does not join.

    Args:
        space: Where the architectures come from.
        population_size: Members of a generation. The default suits a hundred evaluations or two; the paper uses 100
            for twenty-five thousand.
        n_offspring: Children per generation.
        crossover: Share of children that have two parents instead of one.
        mutation: Share of children that are changed by one edit.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        population: Rows of the current generation, the fittest first, shape (p, d).
        scores: Theirs, shape (p, m).

    Raises:
        MissingExtraError: pymoo is not installed.
    """

    several_objectives: ClassVar[bool] = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        population_size: int = 20,
        n_offspring: int = 10,
        crossover: float = 0.5,
        mutation: float = 1.0,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        for name, value in (("population_size", population_size), ("n_offspring", n_offspring)):
            if value < 1:
                raise InvalidInputError(f"{name}: expected at least 1, got {value}")
        for name, share in (("crossover", crossover), ("mutation", mutation)):
            if not 0 <= share <= 1:
                raise InvalidInputError(f"{name}: expected a share from 0 to 1, got {share}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.population_size = population_size
        self.n_offspring = n_offspring
        self.crossover = crossover
        self.mutation = mutation
        self.population: Rows = np.empty((0, space.n_genes), dtype=np.int16)
        self.scores: Floats = np.empty((0, 0))
        self._newcomers: list[tuple[Rows, Floats]] = []
        self._n_newcomers = 0
        self._pool: deque[Candidate] = deque()
        _pymoo()  # say now what is missing, not after the first generation

    def _propose(self, n: int) -> Proposal:
        ledger = self.ledger
        if len(self.population):
            return Proposal(ledger.rows(ledger.draw(n, self._brood(), self._rng, self._pool, 2 * self.n_offspring)))
        founders = min(n, self.population_size - self._n_newcomers - ledger.n_pending)
        taken = ledger.draw(founders, self._sample, self._rng, self._pool, founders) if founders > 0 else []
        return Proposal(ledger.rows(taken))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        self._newcomers.append((X.copy(), scores.reshape(len(X), -1).copy()))
        self._n_newcomers += len(X)
        if self._complete:  # only now: once per generation costs less than each time
            rows, scores = (np.concatenate(parts) for parts in zip(*self._newcomers, strict=True))
            alive = ~np.isnan(scores).any(axis=1)
            self._newcomers, self._n_newcomers = [(rows[alive], scores[alive])], int(alive.sum())
        if self._complete:
            self._select()

    @property
    def _complete(self) -> bool:
        """Whether there are as many newcomers as make a generation."""
        return self._n_newcomers >= (self.n_offspring if len(self.population) else self.population_size)

    def _select(self) -> None:
        """The next generation, out of this one and its children."""
        if len(self.population):
            self._newcomers.insert(0, (self.population, self.scores))
        rows, scores = (np.concatenate(parts) for parts in zip(*self._newcomers, strict=True))
        kept = _fittest(-scores, self.population_size)
        self.population, self.scores = rows[kept], scores[kept]
        self._newcomers, self._n_newcomers = [], 0
        self._pool.clear()  # children of the generation before

    def _brood(self) -> Brood:
        shares = {"crossover": self.crossover, "mutation": self.mutation}
        return Brood(self.space, self.population, self._rng, sample_size=2, **shares)

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)


def _fittest(costs: Floats, n: int) -> npt.NDArray[np.int64]:
    """Positions of the ``n`` rows that survive, the fittest first: by rank, then by crowding distance."""
    sorting, crowding = _pymoo()
    fronts = sorting.do(costs, n_stop_if_ranked=n)
    return np.concatenate([front[np.argsort(-crowding.do(costs[front]), kind="stable")] for front in fronts])[:n]


def _pymoo() -> tuple[Any, Any]:
    """Its non-dominated sorting and its crowding distance."""
    try:
        from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
    except ImportError:
        raise MissingExtraError.of("pymoo", "moo", "NSGA2") from None
    return NonDominatedSorting(), get_crowding_function("cd")
