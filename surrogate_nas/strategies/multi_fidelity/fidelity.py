"""What strategies share that train some architectures for longer than others.

An evaluation is a pair here: an architecture, and for how many epochs it is trained. Each pair is proposed
at most once; an architecture comes again only to be trained for longer, and never after it failed.
"""

from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate

#: Random candidates drawn at once, to save calls.
BLOCK = 256


class Job(NamedTuple):
    """One evaluation.

    Attributes:
        row: The bytes of the architecture's row.
        epochs: How long it is trained.
    """

    row: bytes
    epochs: int


class MultiFidelity(Strategy):
    """Decides what to train, and for how long, one job at a time; what differs is how (``_next`` and ``_told``).

    Results may come one at a time and in any order. They are told with the epochs that were proposed; results of
    other lengths than the ``levels`` are not looked at, and without epochs they count as the longest.

    Attributes:
        levels: Training lengths in epochs, the shortest first.
        results: What was told, by training length: scores by the bytes of the row, NaN = failed.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        levels: Sequence[int],
        random_state: RandomState,
        allowed: Predicate | None,
        key: Key | None,
    ) -> None:
        if len(levels) < 2 or levels[0] < 1 or any(a >= b for a, b in zip(levels, levels[1:], strict=False)):
            raise InvalidInputError(
                "levels: expected at least two training lengths in epochs, the shortest first, such as (12, 200), "
                f"got {levels!r}; levels_between(1, 81) lists a geometric sequence"
            )
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.levels = levels
        self.results: dict[int, dict[bytes, float]] = {int(epochs): {} for epochs in levels}
        self._asked: Counter[Job] = Counter()
        self._pool: deque[Candidate] = deque()

    @abstractmethod
    def _next(self) -> Job | None:
        """The next job, pending in the ledger; None where results have to be told first.

        Raises:
            SpaceExhaustedError: Nothing is left to begin.
        """

    @abstractmethod
    def _told(self, job: Job, score: float, asked: bool) -> None:
        """Take in one result; it is in ``results`` already.

        Args:
            job: What was evaluated; its epochs are one of the levels.
            score: Higher is better, NaN = failed.
            asked: Whether it had been proposed.
        """

    def _propose(self, n: int) -> Proposal:
        jobs: list[Job] = []
        try:
            while len(jobs) < n and (job := self._next()) is not None:
                jobs.append(job)
        except SpaceExhaustedError:
            if not jobs and not self._asked:
                raise
        self._asked.update(jobs)
        return Proposal(self.ledger.rows(job.row for job in jobs), np.array([job.epochs for job in jobs], np.int64))

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for x, length, score in zip(X, self._lengths(X, epochs), scores.tolist(), strict=True):
            if length not in self.results:
                continue
            job = Job(x.tobytes(), length)
            self.results[length][job.row] = score
            asked = job in self._asked
            if asked:
                self._asked[job] -= 1
                if not self._asked[job]:
                    del self._asked[job]
            self._told(job, score, asked)

    def _lengths(self, X: Rows, epochs: npt.ArrayLike | None) -> list[int]:
        """Epochs per row."""
        if epochs is None:
            if any(Job(x.tobytes(), length) in self._asked for x in X for length in self.results):
                raise InvalidInputError(
                    "tell: expected how long each architecture was trained; pass epochs=proposal.epochs"
                )
            return [int(self.levels[-1])] * len(X)
        lengths = np.asarray(epochs)
        if lengths.shape != (len(X),):
            raise InvalidInputError(f"tell: expected epochs of shape ({len(X)},), got shape {lengths.shape}")
        return [int(length) for length in lengths.tolist()]

    def _random(self) -> bytes:
        """One random architecture that was not proposed yet."""
        return self.ledger.draw(1, self._sample, self._rng, self._pool, BLOCK)[0]

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)


def levels_between(shortest: int, longest: int, *, eta: float = 3) -> tuple[int, ...]:
    """Training lengths from ``longest`` down to no less than ``shortest``, each ``eta`` times the one before.

    Args:
        shortest: Epochs that no training stays below, at least 1.
        longest: Epochs of a full training.
        eta: Ratio of a level to the one before, above 1.

    Returns:
        The shortest first; rounded to whole epochs.

    Raises:
        InvalidInputError: Not two different lengths.
    """
    if not 1 <= shortest < longest or eta <= 1:
        raise InvalidInputError(
            f"levels_between: expected 1 <= shortest < longest and eta above 1, got {shortest}, {longest}, {eta}"
        )
    n = int(np.log(longest / shortest) / np.log(eta) + 1e-9)  # log(243) / log(3) = 4.999...
    return tuple(sorted({round(longest / eta**k) for k in range(n + 1)}))
