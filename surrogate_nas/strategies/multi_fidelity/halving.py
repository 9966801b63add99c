"""Successive halving, and the brackets that it and its relatives are made of.

References:
    [jamieson2016] Jamieson, Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization.
    AISTATS 2016. https://arxiv.org/abs/1502.07943
"""

import math
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Sequence
from itertools import count
from operator import itemgetter
from typing import NamedTuple, final

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies.ledger import Key, Predicate
from surrogate_nas.strategies.multi_fidelity.fidelity import Job, MultiFidelity

#: Above the error of powers of a ratio that is no whole number, far below what a rung could round by.
ROUNDING = 1e-9


class Rung(NamedTuple):
    """One stage of a bracket.

    Attributes:
        n: Number of architectures.
        epochs: How long each is trained.
    """

    n: int
    epochs: int


@final
class Bracket:
    """One run of successive halving: new architectures fill the first rung, the best of a rung go on to the next.

    A rung is decided when all of it was told. One that could not be filled promotes the same share of
    what it has, at least one; failed architectures are never promoted.

    Args:
        rungs: From the first to the last.

    Attributes:
        vacant: Places of the first rung that are still to be filled.
        promoted: Rows that wait to be trained on the current rung, the best first.
        done: Whether nothing is to come any more.
    """

    def __init__(self, rungs: Sequence[Rung]) -> None:
        self.rungs = rungs
        self.vacant = rungs[0].n
        self.promoted: deque[bytes] = deque()
        self.done = False
        self._at = 0
        self._out: Counter[bytes] = Counter()
        self._told: list[tuple[float, bytes]] = []

    def enter(self, row: bytes) -> Job:
        """Take a new architecture into the first rung."""
        self.vacant -= 1
        return self._hand_out(row)

    def promote(self) -> Job:
        """The next of the promoted ones."""
        return self._hand_out(self.promoted.popleft())

    def _hand_out(self, row: bytes) -> Job:
        self._out[row] += 1
        return Job(row, self.rungs[self._at].epochs)

    def expects(self, job: Job) -> bool:
        """Whether the job was handed out here and is not told yet."""
        return self._out[job.row] > 0 and job.epochs == self.rungs[self._at].epochs

    def tell(self, row: bytes, score: float) -> None:
        """Take in the result of a row that was handed out."""
        self._out[row] -= 1
        self._told.append((score, row))
        self._decide()

    def fill_no_more(self) -> None:
        """Leave the remaining places of the first rung empty."""
        self.vacant = 0
        self._decide()

    def _decide(self) -> None:
        """Promote, once the whole rung was told."""
        if self.vacant or self.promoted or self._out.total():
            return
        good = sorted((t for t in self._told if not math.isnan(t[0])), key=itemgetter(0), reverse=True)
        if not good or self._at + 1 == len(self.rungs):
            self.done = True
            return
        share = len(self._told) * self.rungs[self._at + 1].n // self.rungs[self._at].n
        self.promoted = deque(row for _, row in good[: max(1, share)])
        self._told = []
        self._out.clear()
        self._at += 1


class BracketSearch(MultiFidelity):
    """Brackets one after the other; what differs is their rungs and where new architectures come from.

    While a rung waits for results, the next bracket begins: no worker has to stand still.

    Attributes:
        eta: One in ``eta`` architectures of a rung goes on to the next; None takes the mean ratio of two levels.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        levels: Sequence[int],
        eta: float | None,
        random_state: RandomState,
        allowed: Predicate | None,
        key: Key | None,
    ) -> None:
        super().__init__(space, levels=levels, random_state=random_state, allowed=allowed, key=key)
        if eta is not None and eta <= 1:
            raise InvalidInputError(f"eta: expected a number above 1, got {eta}")
        self.eta = eta
        self._brackets: list[Bracket] = []  # not done yet, the oldest first
        self._number = count()

    @abstractmethod
    def _rungs(self, number: int) -> Sequence[Rung]:
        """The rungs of the bracket of that number, from 0."""

    @abstractmethod
    def _new(self) -> bytes:
        """One architecture that was not proposed yet; raises SpaceExhaustedError where there is none."""

    def _next(self) -> Job:
        for bracket in self._brackets:
            if bracket.vacant:
                try:
                    return bracket.enter(self._new())
                except SpaceExhaustedError:
                    bracket.fill_no_more()
            if bracket.promoted:
                job = bracket.promote()
                self.ledger.again(job.row)
                return job
        row = self._new()
        self._brackets = [bracket for bracket in self._brackets if not bracket.done]
        self._brackets.append(Bracket(self._rungs(next(self._number))))
        return self._brackets[-1].enter(row)

    def _told(self, job: Job, score: float, asked: bool) -> None:
        for bracket in self._brackets:
            if bracket.expects(job):
                bracket.tell(job.row, score)
                break


@final
class SuccessiveHalving(BracketSearch):
    """Successive halving [jamieson2016], run again and again with new random architectures.

    ``n`` architectures are trained for the shortest schedule, the best 1/eta of them for the next one, and so
    on. By default each rung costs about the same, and one architecture is left on the last.

    Args:
        space: Where the architectures come from.
        levels: Training lengths in epochs, the shortest first, such as (12, 200).
        n: Architectures that a run begins with; None takes as many as leave one on the last rung.
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
        n: int | None = None,
        eta: float | None = None,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        if n is not None and n < 1:
            raise InvalidInputError(f"n: expected at least 1, got {n}")
        super().__init__(space, levels=levels, eta=eta, random_state=random_state, allowed=allowed, key=key)
        self.n = n

    def _rungs(self, number: int) -> Sequence[Rung]:
        ratio = mean_ratio(self.levels) if self.eta is None else self.eta
        return rungs(self.n or math.ceil(ratio ** (len(self.levels) - 1) - ROUNDING), self.levels, ratio)

    def _new(self) -> bytes:
        return self._random()


def rungs(n: int, levels: Sequence[int], eta: float) -> tuple[Rung, ...]:
    """A bracket that begins with ``n`` architectures, of which one in ``eta`` goes on to each next level."""
    return tuple(Rung(max(1, int(n * eta**-i + ROUNDING)), int(epochs)) for i, epochs in enumerate(levels))


def mean_ratio(levels: Sequence[int]) -> float:
    """Geometric mean of the ratios of neighbouring levels: what makes all rungs cost about the same."""
    return float((levels[-1] / levels[0]) ** (1 / (len(levels) - 1)))
