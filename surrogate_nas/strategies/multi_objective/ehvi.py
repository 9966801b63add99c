"""Bayesian optimisation of several objectives: propose what is expected to enlarge the Pareto front most.

References:
    [emmerich2006] Emmerich, Giannakoglou, Naujoks: Single- and Multiobjective Evolutionary Optimization Assisted by
    Gaussian Random Field Metamodels. IEEE Transactions on Evolutionary Computation 10(4), 2006.
    [gardner2014] Gardner, Kusner, Xu, Weinberger, Cunningham: Bayesian Optimization with Inequality Constraints.
    ICML 2014.
    [ginsbourger2010] Ginsbourger, Le Riche, Carraro: Kriging Is Well-Suited to Parallelize Optimization. Computational
    Intelligence in Expensive Optimization Problems, 2010.
"""

import copy
from collections import deque
from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction, InvalidInputError, Proposal
from surrogate_nas.core.pareto import pareto_mask
from surrogate_nas.core.random import RandomState
from surrogate_nas.core.statistics import normal_scores
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate
from surrogate_nas.strategies.model_based.model_based import Model
from surrogate_nas.strategies.model_based.pool import CandidatePool
from surrogate_nas.strategies.multi_objective.hypervolume import expected_improvement, reference_of
from surrogate_nas.strategies.multi_objective.limits import Limits

#: Standard deviations of predicted limits are at least this, on a scale where those of the scores are 1.
SURE = 1e-12


@final
class ExpectedHypervolumeImprovement(Strategy):
    """Bayesian optimisation of several objectives, with any predictor for each of them.

    Random architectures first; then one predictor per metric learns from what was told, and of the candidates the one
    is proposed that is expected to enlarge the dominated hypervolume most [emmerich2006]. All of it takes place on
    normal quantiles of the ranks among what was told, metric by metric: accuracies crowd at the top, where the search
    takes place, and units do not matter. The reference point lies a tenth of the front's range beyond its worst.

    What is pending counts as if its prediction had come true (kriging believer [ginsbourger2010]), so that the
    proposals of one batch differ; the predictors are not fitted again for that.

    With ``limits``, metrics that only have to be good enough add the probability that they are [gardner2014]; while
    nothing keeps all limits, that probability decides alone. With one metric left it is constrained expected
    improvement, and without limits and with one metric the usual one.

    A failed evaluation counts as the worst score in what the predictors learn from.

    Args:
        space: Where the architectures come from.
        predictor: Any predictor with ``fit(X, y)`` and ``predict(X, return_std=True)``; a deep copy of it for each
            metric, or a sequence with one for each.
        limits: One entry per metric that is told, in its own unit; None for those that are to be as good as possible.
            None = no limits.
        directions: "min" for a limit from above, "max" for one from below; None takes "min" for every limit.
        n_initial: Random architectures before the predictors are asked.
        refit_every: New scores after which the predictors learn again.
        pool_size: Candidates that the predictors are asked about at once; a space with no more rows is taken whole.
        mutants: Share of the candidates that are one or two edits away from the front, in larger spaces.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: What counts as the same, see ``ledger.Key``; None leaves it to the run, else "canonical".
    """

    several_objectives: ClassVar[bool] = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        predictor: Model | Sequence[Model],
        limits: Sequence[float | None] | None = None,
        directions: Sequence[Direction] | None = None,
        n_initial: int = 10,
        refit_every: int = 5,
        pool_size: int = 2000,
        mutants: float = 0.5,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        for name, value in (("n_initial", n_initial), ("refit_every", refit_every)):
            if value < 1:
                raise InvalidInputError(f"{name}: expected at least 1, got {value}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.predictor = predictor
        self.limits = limits
        self.directions = directions
        self.n_initial = n_initial
        self.refit_every = refit_every
        self.pool_size = pool_size
        self.mutants = mutants
        self._limits = None if limits is None else Limits(limits, directions)
        self._pool = CandidatePool(self.ledger, size=pool_size, mutants=mutants)
        self._random_pool: deque[Candidate] = deque()
        self._X: Rows = np.empty((0, space.n_genes), dtype=np.int16)
        self._scores: Floats = np.empty((0, 0))
        self._pending: dict[bytes, Floats] = {}  # what is expected of them
        self._models: list[Model] = []
        self._n_learned = 0  # scores that the models know
        self._scales: list[_Scale] = []
        self._candidates: list[Candidate] = []
        self._open = np.empty(0, dtype=bool)  # which of them were not passed over yet
        self._mean = self._std = np.empty((0, 0))  # what the models expect of them

    def _propose(self, n: int) -> Proposal:
        told, pending = len(self._X), self.ledger.n_pending
        ready = told >= self.n_initial and bool(self._alive.any())
        if not ready and pending:
            n = min(n, max(0, self.n_initial - told - pending))
        return self._fill(n, lambda k: self._best() if ready else self._random(k))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        table = scores.reshape(len(X), -1)
        if self._limits is not None:
            self._limits.split(table)  # says what does not fit
        if len(self._X) and table.shape[1] != self._scores.shape[1]:
            raise InvalidInputError(
                f"tell: expected {self._scores.shape[1]} scores per architecture as before, got {table.shape[1]}"
            )
        self._scores = np.concatenate([self._scores, table]) if len(self._X) else table.copy()
        self._X = np.concatenate([self._X, X])
        for row in X:
            self._pending.pop(row.tobytes(), None)

    @property
    def _alive(self) -> npt.NDArray[np.bool_]:
        """Which of what was told succeeded."""
        return np.asarray(~np.isnan(self._scores).any(axis=1))

    def _random(self, n: int = 1) -> list[bytes]:
        return self.ledger.draw(n, self._sample, self._rng, self._random_pool, n)

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)

    def _best(self) -> list[bytes]:
        """Claim the candidate that promises most."""
        if not self._models or len(self._X) - self._n_learned >= self.refit_every:
            self._fit()
        left = np.flatnonzero(self._open)
        order = left[np.argsort(-self._merit(left), kind="stable")] if len(left) else left
        waiting = deque(self._candidates[i] for i in order.tolist())
        taken = self.ledger.claim(waiting, 1)
        passed = order[: len(order) - len(waiting)]  # proposed before, but for the last
        self._open[passed] = False
        if not taken:  # all candidates are gone, until the next are drawn
            return self._random()
        self._pending[taken[0]] = self._mean[passed[-1]]
        return taken

    def _fit(self) -> None:
        """One model per metric learns from all scores, and says what it expects of new candidates."""
        if not self._models:
            self._models = self._copies(self._scores.shape[1])
        worst = np.nanmin(self._scores, axis=0)
        scores = np.where(np.isnan(self._scores), worst, self._scores)
        self._scales = [_Scale(column) for column in scores.T]
        for model, column in zip(self._models, self._scaled(scores).T, strict=True):
            model.fit(self._X, column)
        self._n_learned = len(self._X)
        alive = self._alive
        elites = self._X[alive][pareto_mask(-self._scores[alive])]
        rows = self._pool.draw(elites, self._rng)
        self._candidates = self.ledger.screen(rows)
        self._open = np.ones(len(rows), dtype=bool)
        waiting = self.ledger.rows(self._pending)
        predictions = [model.predict(np.concatenate([rows, waiting]), return_std=True) for model in self._models]
        mean, std = (np.stack([np.asarray(p[i], dtype=np.float64) for p in predictions], axis=1) for i in (0, 1))
        self._mean, self._std = mean[: len(rows)], std[: len(rows)]
        self._pending = dict(zip(self._pending, mean[len(rows) :], strict=True))

    def _copies(self, m: int) -> list[Model]:
        if not isinstance(self.predictor, Sequence):
            return [copy.deepcopy(self.predictor) for _ in range(m)]
        if len(self.predictor) != m:
            raise InvalidInputError(
                f"predictor: expected one, or one for each of {m} metrics, got {len(self.predictor)}"
            )
        return [copy.deepcopy(predictor) for predictor in self.predictor]

    def _scaled(self, scores: Floats) -> Floats:
        return np.stack([scale(column) for scale, column in zip(self._scales, scores.T, strict=True)], axis=1)

    def _merit(self, at: npt.NDArray[np.int64]) -> Floats:
        """Logarithm of what candidates promise, shape of ``at``."""
        from scipy.special import log_ndtr

        told = self._scores[self._alive]
        pending = np.array(list(self._pending.values())).reshape(-1, told.shape[1])
        mean, std, merit = self._mean[at], self._std[at], np.zeros(len(at))
        wanted = np.arange(told.shape[1])
        if self._limits is not None:
            wanted, limited = self._limits.wanted, self._limits.limited
            least = np.array([self._scales[j](t) for j, t in zip(limited, self._limits.least, strict=True)])
            told = told[self._limits.split(told).broken == 0]
            pending = pending[(pending[:, limited] >= least).all(axis=1)]
            merit = log_ndtr((mean[:, limited] - least) / np.maximum(std[:, limited], SURE)).sum(axis=1)
        reached = np.concatenate([self._scaled(told), pending])
        if not len(reached):
            return merit
        front = -reached[:, wanted]
        front = front[pareto_mask(front)]
        gain = expected_improvement(-mean[:, wanted], std[:, wanted], front, reference_of(front))
        with np.errstate(divide="ignore"):
            return np.asarray(merit + np.log(gain))


@final
class _Scale:
    """Scores of one metric as normal quantiles of their ranks; later ones lie between or at the ends of those.

    Args:
        scores: What was told when the models learned, shape (n,).
    """

    def __init__(self, scores: Floats) -> None:
        self._known = np.sort(scores)
        self._values = normal_scores(self._known)

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        return np.interp(np.asarray(scores, dtype=np.float64), self._known, self._values)
