"""Gradient ascent on a differentiable predictor.

References:
    [luo2018] Luo, Tian, Qin, Chen, Liu: Neural Architecture Optimization. NeurIPS 2018.
    https://arxiv.org/abs/1808.07233
    [kivinen1997] Kivinen, Warmuth: Exponentiated Gradient versus Gradient Descent for Linear Predictors. Information
    and Computation 132, 1997.
"""

from collections import deque
from copy import deepcopy
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate
from surrogate_nas.strategies.model_based.relaxation import Relaxation

#: By how much a logit moves for a slope of 1 in log-odds of ranks, and a place on a scale of length 1.
LOGIT_STEP, PLACE_STEP = 1.0, 0.1

#: Random rows drawn at once, and mutants of the rows that climbs come by.
BLOCK, MUTANTS = 64, 32


class DifferentiablePredictor(Protocol):
    """What is needed of a predictor to climb it, such as ``predictors.RelaxedPredictor``."""

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Any:
        """Learn from rows (n, d) and their scores (n,), forgetting earlier ones."""

    def gradient(self, P: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Scores (n,) of relaxed architectures, and their derivatives (n, k).

        ``P`` (n, k) holds the weights of all values of all genes, gene by gene; k is the sum of the cardinalities.
        """


@final
class GradientAscent(Strategy):
    """Climbs a differentiable predictor from the best architectures so far, through what lies between architectures.

    After ``n_initial`` random architectures the predictor is fitted, and again whenever ``refit_every`` more were told
    (or a tenth more, in long runs). From the best ones, architectures are moved as relaxed ones, see
    :class:`Relaxation`: weights of values by exponentiated gradients [kivinen1997], places of ordered genes (layer
    widths) along their scales. All valid rows that a path comes by within ``reach``, and some mutants of them, are
    candidates; the best predicted is proposed first. Once they are used up, the next best architectures are climbed
    from, at last random ones.

    Differs from [luo2018]: what is relaxed are genes rather than a learned embedding, and so no decoder is needed. The
    predictor learns ranks of scores, as log-odds, so that no unit has to be known; failures come last. A row on a path
    that is not valid is replaced by its canonical form or passed over.

    Args:
        space: Where the architectures come from.
        predictor: What is climbed; the strategy fits a copy of its own.
        n_initial: Random architectures before the first fit.
        refit_every: Results after which the predictor is fitted again.
        n_starts: Architectures that are climbed from at once.
        n_steps: Steps of each climb.
        reach: Most genes in which a candidate may differ from where its climb began: further away, predictors promise
            what they have not seen.
        random_state: Seed of every random choice; the predictor has its own.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row" or "canonical", what counts as the same; None leaves it to the run, else "canonical".
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        predictor: DifferentiablePredictor,
        n_initial: int = 20,
        refit_every: int = 10,
        n_starts: int = 4,
        n_steps: int = 12,
        reach: int = 2,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        counts = {"n_initial": n_initial, "refit_every": refit_every}
        counts |= {"n_starts": n_starts, "n_steps": n_steps, "reach": reach}
        for name, value in counts.items():
            if value < 1:
                raise InvalidInputError(f"{name}: expected at least 1, got {value}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.predictor = predictor
        self.n_initial = n_initial
        self.refit_every = refit_every
        self.n_starts = n_starts
        self.n_steps = n_steps
        self.reach = reach
        self._model = deepcopy(predictor)
        self._relaxation = Relaxation(space)
        self._rows: list[Rows] = []
        self._scores: list[float] = []  # -inf where an evaluation failed
        self._fitted = 0
        self._starts: Rows = np.empty((0, space.n_genes), dtype=np.int16)
        self._founders: deque[Candidate] = deque()
        self._pool: deque[Candidate] = deque()

    def ascend(self, X: Rows) -> Rows:
        """All rows that climbs from the rows ``X`` (n, d) come by within reach, shape (m, d); some may not be valid."""
        points = self._relaxation.points(X)
        visited = []
        for _ in range(self.n_steps):
            _, slopes = self._model.gradient(self._relaxation.weights(points))
            points = self._relaxation.step(points, slopes, logit=LOGIT_STEP, place=PLACE_STEP)
            rows = self._relaxation.rows(points)
            visited.append(rows[(rows != X).sum(axis=1) <= self.reach])
        found: Rows = np.unique(np.concatenate(visited), axis=0)
        return found

    def _propose(self, n: int) -> Proposal:
        ledger, told = self.ledger, len(self._scores)
        if (founders := min(n, self.n_initial - told - ledger.n_pending)) > 0:
            return Proposal(ledger.rows(ledger.draw(founders, self._sample, self._rng, self._founders, BLOCK)))
        if told < self.n_initial:  # the others are pending
            return Proposal(ledger.rows([]))
        if not self._fitted or told >= self._fitted + max(self.refit_every, self._fitted // 10):
            self._fit()
        return Proposal(ledger.rows(ledger.draw(n, self._climb, self._rng, self._pool, n)))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        self._rows.extend(X.copy())
        self._scores.extend(np.nan_to_num(scores, nan=-np.inf).tolist())

    def _fit(self) -> None:
        X, scores = np.array(self._rows), np.array(self._scores)
        share = (np.searchsorted(np.sort(scores), scores) + 0.5) / len(scores)
        self._model.fit(X, np.log(share / (1 - share)))
        self._fitted = len(scores)
        self._starts = X[np.argsort(-scores, kind="stable")]
        self._pool.clear()

    def _climb(self, k: int) -> Rows:
        """Valid rows from the next climbs and their mutants, the best predicted first; however many there are."""
        starts, self._starts = self._starts[: self.n_starts], self._starts[self.n_starts :]
        if not len(starts):
            starts = self.ledger.sample(self.n_starts, self._rng)
        X = self.ascend(starts)
        valid = self.space.valid(X)
        X[~valid] = self.space.canonical(X[~valid])
        X = X[self.space.valid(X)]
        near = X if len(X) else starts
        X = np.concatenate([X, self.space.mutate(near[self._rng.integers(len(near), size=MUTANTS)], self._rng)])
        values, _ = self._model.gradient(self._relaxation.corners(X))
        return X[np.argsort(-values, kind="stable")]

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)
