"""Any Optuna sampler as a strategy."""

import copy
import logging
import math
from collections import defaultdict, deque
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import optuna
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState, create_trial

from surrogate_nas.core import InvalidInputError, Proposal, spawn_seeds
from surrogate_nas.core.random import RandomState
from surrogate_nas.integrations.optuna.parameters import distributions
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import Key, Predicate, Strategy
from surrogate_nas.strategies.base import Floats
from surrogate_nas.strategies.ledger import Candidate

#: How often a sampler is asked again before what is nearest to its last idea is taken instead.
MAX_TRIES = 4

#: Among how many random candidates the nearest one is looked for.
NEAREST_OF = 256


@final
class OptunaStrategy(Strategy):
    """Any Optuna sampler as a strategy.

    What a sampler proposes may be invalid, not allowed or already known. It is then asked again, a few times; what is
    invalid or not allowed counts as a pruned trial, what is known as a failed one. After that the allowed and unknown
    architecture nearest to its last idea (in genes that differ, among random ones) is taken in its place, and the
    sampler learns from that one. Failed evaluations are failed trials.

    Args:
        space: Where the architectures come from.
        sampler: The sampler; a copy of it is used. Give it a seed, or runs cannot be repeated or continued.
            None takes ``TPESampler`` with a seed drawn from ``random_state``.
        n_objectives: Scores per architecture; several need a sampler for several objectives (NSGA-II, TPE ...).
        random_state: Seed of the random choices that are not the sampler's.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        study: The study in memory that the sampler sees.
    """

    several_objectives: ClassVar[bool] = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        sampler: BaseSampler | None = None,
        n_objectives: int = 1,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.sampler = sampler
        self.n_objectives = n_objectives
        used = TPESampler(seed=spawn_seeds(self._rng, 1)[0]) if sampler is None else copy.deepcopy(sampler)
        self.study = _study_in_memory(used, n_objectives)
        self._distributions = distributions(space)
        self._running: defaultdict[bytes, deque[int]] = defaultdict(deque)  # numbers of the trials of pending rows

    def _propose(self, n: int) -> Proposal:
        return self._fill(n, lambda k: [self._one()])

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        values = scores.reshape(len(X), -1)
        if values.shape[1] != self.n_objectives:
            raise InvalidInputError(
                f"OptunaStrategy: expected {self.n_objectives} score(s) per architecture, got {values.shape[1]}; "
                f"make it with n_objectives={values.shape[1]}"
            )
        for x, told in zip(np.ascontiguousarray(X), values.tolist(), strict=True):
            failed = any(math.isnan(value) for value in told)
            state = TrialState.FAIL if failed else TrialState.COMPLETE
            running = self._running.get(x.tobytes())
            if running:
                self.study.tell(running.popleft(), None if failed else told, state)
            else:  # never asked for: an earlier result
                trial = create_trial(
                    params=self._params(x),
                    distributions=self._distributions,
                    values=None if failed else told,
                    state=state,
                )
                self.study.add_trial(trial)

    def _one(self) -> bytes:
        """The next architecture, its trial running."""
        for _ in range(MAX_TRIES):
            trial = self.study.ask(self._distributions)
            x = np.array([trial.params[name] for name in self._distributions], dtype=np.int16)
            possible = self.ledger.screen(x[None]) if self.space.valid(x[None])[0] else []
            if taken := self.ledger.claim(deque(possible), 1):
                self._running[taken[0]].append(trial.number)
                return taken[0]
            self.study.tell(trial, state=TrialState.FAIL if possible else TrialState.PRUNED)
        return self._nearest(x)

    def _nearest(self, x: npt.NDArray[np.int16]) -> bytes:
        """What can be proposed and differs from ``x`` in the fewest genes, as a trial that the sampler learns from."""

        def near(k: int) -> Rows:
            rows = self.ledger.sample(max(k, NEAREST_OF), self._rng)
            return rows[np.argsort(np.count_nonzero(rows != x, axis=1), kind="stable")]

        pool: deque[Candidate] = deque()
        taken = self.ledger.draw(1, near, self._rng, pool, NEAREST_OF)[0]
        self.study.enqueue_trial(self._params(self.ledger.rows([taken])[0]))
        self._running[taken].append(self.study.ask(self._distributions).number)
        return taken

    def _params(self, x: npt.NDArray[np.int16]) -> dict[str, int]:
        return dict(zip(self._distributions, x.tolist(), strict=True))


def _study_in_memory(sampler: BaseSampler, n_objectives: int) -> Any:
    """A study that nobody hears of: Optuna announces each new one on stderr."""
    logger = logging.getLogger("optuna.storages")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        return optuna.create_study(directions=["maximize"] * n_objectives, sampler=sampler)
    finally:
        logger.setLevel(before)
