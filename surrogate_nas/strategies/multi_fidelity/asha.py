"""Asynchronous successive halving.

References:
    [li2020] Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht, Talwalkar: A System for Massively Parallel
    Hyperparameter Tuning. MLSys 2020. https://arxiv.org/abs/1810.05934
"""

import math
from bisect import insort
from collections.abc import Sequence
from typing import final

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies.ledger import Key, Predicate
from surrogate_nas.strategies.multi_fidelity.fidelity import Job, MultiFidelity
from surrogate_nas.strategies.multi_fidelity.halving import ROUNDING, mean_ratio


@final
class ASHA(MultiFidelity):
    """Asynchronous successive halving [li2020]: nobody waits for a rung to be complete.

    Whoever is among the best 1/eta of what was told of its level so far is trained for the next one, long
    trainings first; if there is nobody, a new random architecture begins.

    Args:
        space: Where the architectures come from.
        levels: Training lengths in epochs, the shortest first, such as (12, 200).
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
        super().__init__(space, levels=levels, random_state=random_state, allowed=allowed, key=key)
        if eta is not None and eta <= 1:
            raise InvalidInputError(f"eta: expected a number above 1, got {eta}")
        self.eta = eta
        self._ratio = mean_ratio(levels) if eta is None else eta
        # Per level what was told: minus the score (inf = failed), when it came, and the row; the best first.
        self._rungs: dict[int, list[tuple[float, int, bytes]]] = {epochs: [] for epochs in self.results}
        self._promoted: dict[int, set[bytes]] = {epochs: set() for epochs in self.results}

    def _next(self) -> Job:
        levels = list(self.results)
        for epochs, longer in zip(levels[-2::-1], levels[:0:-1], strict=True):
            rung, promoted = self._rungs[epochs], self._promoted[epochs]
            for loss, _, row in rung[: int(len(rung) / self._ratio + ROUNDING)]:
                if row not in promoted and row not in self.results[longer] and math.isfinite(loss):
                    promoted.add(row)
                    self.ledger.again(row)
                    return Job(row, longer)
        return Job(self._random(), levels[0])

    def _told(self, job: Job, score: float, asked: bool) -> None:
        rung = self._rungs[job.epochs]
        insort(rung, (math.inf if math.isnan(score) else -score, len(rung), job.row))
