"""Guests: optimisers that know nothing of this package join searches and comparisons.

Two kinds are let in. An object with ``ask(n)`` and ``tell(X, scores)``; and a generator that yields rows and receives
their scores:

    def mine(space, *, random_state):
        rng = np.random.default_rng(random_state)
        best = space.sample(1, rng)
        top = yield best
        while True:
            child = space.mutate(best, rng)
            score = yield child
            if score > top:
                best, top = child, score

Scores are arrays of one number per row, higher is better, NaN = failed.
"""

import inspect
from collections import defaultdict, deque
from collections.abc import Generator
from dataclasses import dataclass, field
from types import GeneratorType
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import Key, Predicate, Strategy

Floats = npt.NDArray[np.float64]

#: A guest that so often in a row proposes nothing new is out of ideas.
MAX_REPEATS = 1000


@runtime_checkable
class AskTell(Protocol):
    """What is needed of an object to join."""

    def ask(self, n: int) -> Any:
        """Rows to evaluate next, shape (m, d) with m <= n."""

    def tell(self, X: Rows, scores: Floats) -> Any:
        """Scores of rows that were asked for together."""


#: Whoever is no strategy and can join all the same.
Guest = AskTell | Generator[Any, Any, Any]


def as_strategy(guest: Strategy | Guest, space: SearchSpace, *, random_state: RandomState = None) -> Strategy:
    """Return a strategy as it is, and anything else that can join as a :class:`GuestStrategy`.

    Args:
        guest: A strategy, an object with ``ask`` and ``tell``, or a generator.
        space: Space of the rows.
        random_state: The seed that a guest was made with, so that its run can be continued.

    Raises:
        InvalidInputError: It is none of these.
    """
    if isinstance(guest, Strategy):
        return guest
    if isinstance(guest, GeneratorType | AskTell) and not inspect.isclass(guest):
        return GuestStrategy(space, guest, random_state=random_state)
    raise InvalidInputError(
        "strategy: expected a Strategy, an object with ask(n) and tell(X, scores), or a generator that yields rows and "
        f"receives scores, got {guest!r:.80}"
    )


@dataclass(eq=False)
class _Batch:
    """Rows that a guest proposed together; told when all their scores are there."""

    X: Rows
    scores: Floats = field(init=False)
    n_open: int = field(init=False)

    def __post_init__(self) -> None:
        self.scores = np.full(len(self.X), np.nan)
        self.n_open = len(self.X)

    def settle(self, i: int, score: float) -> None:
        self.scores[i] = score
        self.n_open -= 1


@final
class GuestStrategy(Strategy):
    """A guest behind the package's own interface, under the rules that hold for all.

    A row that was evaluated before is answered from memory and costs nothing; one that may not be proposed
    (not measured, not ``allowed``) is answered NaN and costs nothing. ``key="nothing"`` evaluates and charges repeats.

    Args:
        space: Space of the rows.
        guest: An object with ``ask`` and ``tell``, or a generator; its random choices are its own.
        random_state: The seed that the guest was made with; says to a run that it can be repeated.
        allowed: Condition on rows, (n, d) -> bool (n,).
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".
    """

    def __init__(
        self,
        space: SearchSpace,
        guest: Guest,
        *,
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.guest = guest
        self._door: _Door = _GeneratorDoor(guest) if isinstance(guest, GeneratorType) else _ObjectDoor(guest)
        self._batches: deque[_Batch] = deque()
        self._queue: deque[tuple[_Batch, int]] = deque()  # proposed by the guest, not yet by us
        self._asked: dict[bytes, deque[tuple[_Batch, int]]] = defaultdict(deque)  # by row
        self._repeats: dict[bytes, list[tuple[_Batch, int]]] = defaultdict(list)  # by key: waiting for the same row
        self._keys: dict[bytes, bytes] = {}  # by row, of those asked for
        self._known: dict[bytes, float] = {}  # by key

    def _propose(self, n: int) -> Proposal:
        taken: list[bytes] = []
        for _ in range(MAX_REPEATS):
            while self._queue and len(taken) < n:
                taken += self._offer(*self._queue.popleft())
            self._close()
            if taken or not self._fetch(n):
                return Proposal(self.ledger.rows(taken))
        raise SpaceExhaustedError(
            f"{self.guest!r:.80}: expected an architecture not evaluated before, got none in {MAX_REPEATS:,} proposals"
        )

    def _fetch(self, n: int) -> bool:
        """Let the guest propose; False where it has to wait for scores first."""
        given = self._door.ask(n, waiting=bool(self._batches))
        if given is None:
            return False
        if isinstance(given, Proposal) and given.epochs is not None:
            raise InvalidInputError(
                f"{self.guest!r:.80}: expected rows, got epochs too; make it a Strategy to choose how long to train"
            )
        X = self.space.rows(np.atleast_2d(given.X if isinstance(given, Proposal) else given))
        for i in np.flatnonzero(~self.space.valid(X))[:1]:
            raise InvalidInputError(
                f"{self.guest!r:.80}: expected rows of space {self.space.name!r}, got {X[i].tolist()}"
            )
        if not len(X):
            if self._batches:
                return False
            raise SpaceExhaustedError(f"{self.guest!r:.80}: expected an architecture, got none")
        batch = _Batch(X)
        self._batches.append(batch)
        self._queue.extend((batch, i) for i in range(len(X)))
        return True

    def _offer(self, batch: _Batch, i: int) -> list[bytes]:
        """The row if it is to be evaluated; else it is answered now, or waits for the one that is the same."""
        candidates = deque(self.ledger.screen(batch.X[i : i + 1]))
        if not candidates:
            batch.settle(i, np.nan)
            return []
        row, key = candidates[0]
        if taken := self.ledger.claim(candidates, 1):
            self._asked[row].append((batch, i))
            self._keys[row] = key
        elif key in self._known:
            batch.settle(i, self._known[key])
        else:
            self._repeats[key].append((batch, i))
        return taken

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        for i, score in enumerate(scores.tolist()):
            row = X[i].tobytes()
            if self._asked[row]:
                batch, at = self._asked[row].popleft()
                batch.settle(at, score)
                key = self._keys[row]
            else:  # an earlier result: known to us, for when the guest asks
                key = next((c.key for c in self.ledger.screen(X[i : i + 1])), row)
            self._known[key] = score
            for batch, at in self._repeats.pop(key, []):
                batch.settle(at, score)
        self._close()

    def _close(self) -> None:
        """Tell the guest about batches whose scores are all there."""
        for batch in [b for b in self._batches if not b.n_open]:
            self._batches.remove(batch)
            self._door.tell(batch.X, batch.scores)


class _Door(Protocol):
    """How a guest is spoken to."""

    def ask(self, n: int, *, waiting: bool) -> Any:
        """Rows, or None where the guest cannot go on before it is told about those it is waiting for."""

    def tell(self, X: Rows, scores: Floats) -> None:
        """Scores of one earlier answer."""


class _ObjectDoor:
    def __init__(self, guest: Any) -> None:
        self.guest = guest
        self.counts = bool(inspect.signature(guest.ask).parameters)

    def ask(self, n: int, *, waiting: bool) -> Any:
        return self.guest.ask(n) if self.counts else self.guest.ask()

    def tell(self, X: Rows, scores: Floats) -> None:
        self.guest.tell(X, scores)


class _GeneratorDoor:
    def __init__(self, guest: Generator[Any, Any, Any]) -> None:
        self.guest = guest
        self.answer: Floats | None = None  # None starts it

    def ask(self, n: int, *, waiting: bool) -> Any:
        if waiting:
            return None
        try:
            return self.guest.send(self.answer)
        except StopIteration:
            raise SpaceExhaustedError(f"{self.guest!r:.80}: it has ended") from None

    def tell(self, X: Rows, scores: Floats) -> None:
        self.answer = scores
