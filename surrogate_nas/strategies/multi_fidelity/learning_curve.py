"""Trainings are stopped whose learning curve will not end above the best.

References:
    [domhan2015] Domhan, Springenberg, Hutter: Speeding up Automatic Hyperparameter Optimization of Deep Neural
    Networks by Extrapolation of Learning Curves. IJCAI 2015.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, final, get_args

import numpy as np

from surrogate_nas.core import InvalidInputError, Prediction
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Strategy
from surrogate_nas.strategies.evolution.regularized import RegularizedEvolution
from surrogate_nas.strategies.ledger import Key, Predicate
from surrogate_nas.strategies.multi_fidelity.curves import MIN_POINTS, extrapolate, regress
from surrogate_nas.strategies.multi_fidelity.fidelity import Job, MultiFidelity

#: Where a forecast comes from.
Forecast = Literal["finished", "shape"]


@final
class LearningCurveStopping(MultiFidelity):
    """Another strategy's architectures, trained level by level for as long as they may still become the best.

    After each level the final score is forecast. Where the chance that it beats the best final score known is
    below ``chance``, the training ends there, and the other strategy is told the forecast in place of the
    score, as in [domhan2015]; otherwise the architecture goes on to the next level.

    Args:
        space: Where the architectures come from.
        levels: Training lengths in epochs, the shortest first, such as (12, 200).
        strategy: Makes the strategy that proposes architectures, called as
            ``strategy(space, random_state=..., allowed=..., key=...)``.
        forecast: "finished" learns from the trainings that were finished how curves like this one end; it works with
            two levels. "shape" extrapolates each curve by itself, as in [domhan2015], once it has four points.
        chance: Probability of becoming the best below which a training is stopped.
        n_finished: Trainings that are finished in any case, before one may be stopped.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: What counts as the same, see ``ledger.Key``; None leaves it to the run, else "canonical".

    Attributes:
        inner: The strategy that proposes architectures; both share one ledger.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        levels: Sequence[int] = (),
        strategy: Callable[..., Strategy] = RegularizedEvolution,
        forecast: Forecast = "finished",
        chance: float = 0.1,
        n_finished: int = 5,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        super().__init__(space, levels=levels, random_state=random_state, allowed=allowed, key=key)
        if forecast not in get_args(Forecast):
            raise InvalidInputError(f"forecast: expected 'finished' or 'shape', got {forecast!r}")
        if not 0 <= chance < 1 or n_finished < 3:
            raise InvalidInputError(
                f"LearningCurveStopping: expected 0 <= chance < 1 and n_finished of at least 3, got {chance} and "
                f"{n_finished}"
            )
        self.strategy = strategy
        self.forecast = forecast
        self.chance = chance
        self.n_finished = n_finished
        self.inner = strategy(space, random_state=random_state, allowed=allowed, key=key)
        self.ledger = self.inner.ledger
        self._going_on: deque[Job] = deque()
        self._full = int(levels[-1])

    def _next(self) -> Job | None:
        if self._going_on:
            return self._going_on.popleft()
        X = self.inner.ask(1).X
        return Job(X[0].tobytes(), int(self.levels[0])) if len(X) else None

    def _told(self, job: Job, score: float, asked: bool) -> None:
        if job.epochs == self._full or math.isnan(score):
            self._tell_inner(job.row, score)
        elif asked:
            forecast = self._forecast(job)
            if forecast is not None and self._chance(forecast) < self.chance:
                self._tell_inner(job.row, float(forecast.mean[0]))
            else:
                self.ledger.again(job.row)
                self._going_on.append(Job(job.row, self._after(job.epochs)))

    def _forecast(self, job: Job) -> Prediction | None:
        """What the final score will be; None where too little is known to say."""
        finals = {row: score for row, score in self.results[self._full].items() if not math.isnan(score)}
        if len(finals) < self.n_finished:
            return None
        epochs = [level for level in self.results if level <= job.epochs]
        curve = self._curves([job.row], epochs)
        if self.forecast == "shape":
            return extrapolate(epochs, curve, self._full) if len(epochs) >= MIN_POINTS else None
        known = [row for row in finals if all(row in self.results[level] for level in epochs)]
        if len(known) < self.n_finished:
            return None
        return regress(
            epochs, self._curves(known, epochs), np.array([finals[row] for row in known]), curve[0], self._full
        )

    def _chance(self, forecast: Prediction) -> float:
        """Probability that the final score beats the best one known."""
        best = np.nanmax(list(self.results[self._full].values()))
        lead = float(forecast.mean[0] - best)
        return 0.5 * math.erfc(-lead / (math.sqrt(2) * max(float(forecast.std[0]), 1e-300)))

    def _curves(self, rows: Sequence[bytes], epochs: Sequence[int]) -> np.ndarray:
        return np.array([[self.results[level][row] for level in epochs] for row in rows])

    def _tell_inner(self, row: bytes, score: float) -> None:
        # Not tell(): the ledger is shared, and what is settled in it twice would no longer count as pending elsewhere.
        X: Rows = self.ledger.rows([row])
        self.inner._learn(X, self.inner._check_scores([score], 1), None, None)

    def _after(self, epochs: int) -> int:
        levels = list(self.results)
        return levels[levels.index(epochs) + 1]
