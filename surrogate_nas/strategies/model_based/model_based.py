"""Search with a model: learn from what was told, rank what was not, try what promises most."""

import copy
from collections import deque
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.core.statistics import normal_scores
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate
from surrogate_nas.strategies.model_based.acquisition import Acquisition, Beliefs, get_acquisition
from surrogate_nas.strategies.model_based.penalisation import penalised_order
from surrogate_nas.strategies.model_based.pool import CandidatePool, Ranking, best_rows

#: Random architectures drawn at once, to save calls.
BLOCK = 64


class Model(Protocol):
    """What is needed of a predictor to search with it; higher predictions are better."""

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Any:
        """Learn from rows (n, d) and scores (n,), forgetting earlier ones."""

    def predict(self, X: npt.ArrayLike, *, return_std: bool) -> Any:
        """Expected scores (m,) of rows (m, d); with ``return_std`` a pair with their standard deviations (m,)."""


@final
class ModelBased(Strategy):
    """Bayesian optimisation with any predictor, and all that is built like it.

    Random architectures first; then the predictor learns from all scores, an acquisition says how much each
    candidate promises, and the most promising are proposed until enough new scores are in to learn again.

    Scores are handed to the predictor as normal quantiles of their ranks: accuracies crowd at the top, where the
    search takes place, and fail in many ways at the bottom. A failed evaluation counts as the worst score.

    Args:
        space: Where the architectures come from.
        predictor: Any predictor with ``fit(X, y)`` and ``predict(X, return_std=True)``; a copy of it is fitted.
        acquisition: "ei", "ucb", "pi", "thompson", "greedy", or an object such as ``UpperConfidenceBound(2.0)``.
        n_initial: Random architectures before the predictor is asked; 0 for one that knows without scores.
        refit_every: New scores after which the predictor learns again; so many picks are made with one fit.
        growth: It learns again after this share of all scores, where that is more than ``refit_every``.
        diverse: Whether picks made with one fit keep away from each other and from pending ones, by local
            penalisation; see ``penalisation.py``.
        pool_size: Candidates that the predictor is asked about at once; a space with no more rows is taken whole.
        mutants: Share of the candidates that are one or two edits away from the best, in larger spaces.
        n_elites: How many of the best those are.
        random_share: Share of the picks that are random, in place of the predictor's.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: What counts as the same; None leaves it to the run, else "canonical".
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        predictor: Model,
        acquisition: str | Acquisition = "ei",
        n_initial: int = 10,
        refit_every: int = 5,
        growth: float = 0.0,
        diverse: bool = False,
        pool_size: int = 2000,
        mutants: float = 0.5,
        n_elites: int = 10,
        random_share: float = 0.0,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        counts = ("n_initial", n_initial, 0), ("refit_every", refit_every, 1), ("n_elites", n_elites, 0)
        for name, value, least in (*counts, ("growth", growth, 0.0)):
            if not value >= least:
                raise InvalidInputError(f"{name}: expected at least {least}, got {value}")
        if not 0 <= random_share <= 1:
            raise InvalidInputError(f"random_share: expected a share from 0 to 1, got {random_share}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.predictor = predictor
        self.acquisition = acquisition
        self.n_initial = n_initial
        self.refit_every = refit_every
        self.growth = growth
        self.diverse = diverse
        self.pool_size = pool_size
        self.mutants = mutants
        self.n_elites = n_elites
        self.random_share = random_share
        self._model = copy.copy(predictor)
        self._acquire = get_acquisition(acquisition)
        self._pool = CandidatePool(self.ledger, size=pool_size, mutants=mutants)
        self._founders: deque[Candidate] = deque()
        self._X = np.empty((0, space.n_genes), dtype=np.int16)
        self._scores = np.empty(0)
        self._n_learned = 0  # how many of them the model knows
        self._best = -np.inf
        self._ranking: Ranking | None = None

    def _propose(self, n: int) -> Proposal:
        founders = min(n, self.n_initial - len(self._scores) - self.ledger.n_pending)
        taken = self._random(founders) if founders > 0 else []
        return self._fill(n, self._picks if self._informed() else self._random, taken)

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        self._X = np.concatenate([self._X, X])
        self._scores = np.concatenate([self._scores, scores])

    def _informed(self) -> bool:
        """Whether there is anything to rank with."""
        return self.n_initial == 0 or bool(np.isfinite(self._scores).any())

    def _picks(self, n: int) -> list[bytes]:
        """At least one architecture and at most ``n``."""
        if self.random_share:
            n = 1  # each pick by the predictor or by chance
            if self._rng.random() < self.random_share:
                return self._random(1)
        if self._ranking is None or len(self._scores) - self._n_learned >= self._due():
            self._fit()
            self._ranking = self._rank()
        taken = self._ranking.claim(n)
        if not taken:  # more is asked for than one ranking has
            self._ranking = self._rank()
            taken = self._ranking.claim(n)
        return taken or self._random(n)

    def _due(self) -> float:
        return max(self.refit_every, self.growth * self._n_learned)

    def _fit(self) -> None:
        """Learn from all that was told."""
        known = np.isfinite(self._scores)
        worst = float(self._scores[known].min()) if known.any() else 0.0
        scores = normal_scores(np.where(known, self._scores, worst))
        self._model.fit(self._X, scores)
        self._best = float(scores.max(initial=-np.inf))
        self._n_learned = len(scores)

    def _rank(self) -> Ranking:
        """Candidates, the most promising first."""
        rows = self._pool.draw(best_rows(self._X, self._scores, self.n_elites), self._rng)
        if not len(rows):
            return Ranking(self.ledger, rows)
        n = max(1, round(self._due()))
        beliefs = self._believe(rows)
        merits = self._acquire(beliefs, n, self._rng)
        if self.diverse:
            order = penalised_order(self.space, rows, merits[0], beliefs, self.ledger.pending(), n)
        else:
            order = _by_pick(merits)
        return Ranking(self.ledger, rows[order])

    def _believe(self, rows: Rows) -> Beliefs:
        if self._acquire.needs_std or self.diverse:
            mean, std = self._model.predict(rows, return_std=True)
        else:
            mean = self._model.predict(rows, return_std=False)
            std = np.zeros(len(rows))
        return Beliefs(
            np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64), self._best, self._n_learned
        )

    def _random(self, n: int) -> list[bytes]:
        return self.ledger.draw(n, lambda k: self.ledger.sample(k, self._rng), self._rng, self._founders, BLOCK)


def _by_pick(merits: Floats) -> npt.NDArray[np.int64]:
    """Positions in the order in which they are picked: the best of each row of merits, then the rest by the first."""
    first = list(dict.fromkeys(merits.argmax(axis=1).tolist()))
    rest = np.argsort(-merits[0], kind="stable")
    return np.concatenate([first, rest[~np.isin(rest, first)]]).astype(np.int64)
