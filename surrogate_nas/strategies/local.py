"""Local search: look at the neighbours, go to a better one, begin again where none is better.

References:
    [white2020] White, Nolen, Savani: Exploring the Loss Landscape in Neural Architecture Search. UAI 2021.
    https://arxiv.org/abs/2005.02960
"""

import math
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal, final

import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.base import Floats, Strategy
from surrogate_nas.strategies.evolution.breeding import Member
from surrogate_nas.strategies.ledger import Candidate, Key, Predicate

#: How many random candidates are drawn at once, to save calls.
BLOCK = 64


@dataclass
class _Place:
    """An architecture whose neighbours are looked at.

    Attributes:
        score: Its score.
        row: Its row, as bytes.
        near: Rows of its allowed neighbours by key, in random order.
        open: Those that may still have to be proposed.
    """

    score: float
    row: bytes
    near: dict[bytes, bytes]
    open: deque[Candidate]


@final
class LocalSearch(Strategy):
    """Climb from neighbour to neighbour [white2020].

    The climb starts at the best of ``initial_size`` random architectures. The neighbours of where it stands, all
    that are one edit away, are evaluated in random order. With ``move="first"`` the climb goes on from the first that
    is better; with ``move="best"``, as published, all of them are evaluated, and it goes on from the best. Where none
    is better, that is a local optimum. There, and where only places it has been at are better, it begins again.

    What was evaluated before is not evaluated again, and its score counts. Neighbours may be told in any order; fewer
    architectures are proposed than asked for, or none, where the next step depends on those that are pending.
    A failed evaluation is worse than any other.

    Args:
        space: Where the architectures come from.
        initial_size: Random architectures to choose a start from.
        move: "first" or "best": where to go on, as above; "first" gets further with the same evaluations.
        restart: Where the next climb begins: "best" = at the best architecture whose neighbours were not looked at
            yet; "random" = at the best of ``initial_size`` new random ones.
        random_state: Seed of every random choice.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".

    Attributes:
        optima: The local optima found, in order.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        initial_size: int = 10,
        move: Literal["first", "best"] = "first",
        restart: Literal["random", "best"] = "best",
        random_state: RandomState = None,
        allowed: Predicate | None = None,
        key: Key | None = None,
    ) -> None:
        if initial_size < 1:
            raise InvalidInputError(f"initial_size: expected at least 1, got {initial_size}")
        if move not in ("first", "best"):
            raise InvalidInputError(f"move: expected 'first' or 'best', got {move!r}")
        if restart not in ("random", "best"):
            raise InvalidInputError(f"restart: expected 'random' or 'best', got {restart!r}")
        super().__init__(space, random_state=random_state, allowed=allowed, key=key)
        self.initial_size = initial_size
        self.move = move
        self.restart = restart
        self.optima: list[Member] = []
        self._place: _Place | None = None  # where the climb stands
        self._left: set[bytes] = set()  # keys of all places so far
        self._told: list[tuple[bytes, float]] = []  # rows and scores, not taken in yet
        self._keys: dict[bytes, bytes] = {}  # of rows that were looked at as neighbours
        self._scores: dict[bytes, float] = {}  # by key
        self._starts: list[tuple[float, int, bytes, bytes]] = []  # heap: -score, order, key, row
        self._n_starts = 0
        self._pool: deque[Candidate] = deque()

    def _propose(self, n: int) -> Proposal:
        self._take_in()
        return self._fill(n, self._next)

    def _next(self, n: int) -> list[bytes]:
        """Up to ``n`` that come next; none where that depends on pending ones."""
        place = self._climb()
        return self._founders(n) if place is None else self.ledger.claim(place.open, n)

    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        # Keys wait for the next request: until the first one, what counts as the same may still change.
        self._told += zip((x.tobytes() for x in X), scores.tolist(), strict=True)

    def _take_in(self) -> None:
        """Enter what was told."""
        unknown = [row for row, _ in self._told if row not in self._keys]
        if unknown:
            self._keys.update(zip(unknown, self.ledger.keys(self.ledger.rows(unknown)), strict=True))
        for row, score in self._told:
            key = self._keys[row]
            if math.isnan(score):
                self._scores.setdefault(key, -math.inf)
                continue
            self._scores[key] = score
            self._n_starts += 1
            heappush(self._starts, (-score, len(self._scores), key, row))
        self._told = []

    def _climb(self) -> _Place | None:
        """As far as known scores lead: the place whose neighbours come next, or None where random ones do."""
        while self._place is not None or self._start():
            if not self._step():
                break
        return self._place

    def _start(self) -> bool:
        """Begin a climb at the best start, where there are enough."""
        if self._n_starts < self.initial_size:
            return False
        while self._starts:
            negative, _, key, row = heappop(self._starts)
            if key not in self._left:
                self._stand(key, row, -negative)
                return True
        self._n_starts = self.initial_size - 1  # all of them were places before: one more
        return False

    def _stand(self, key: bytes, row: bytes, score: float) -> None:
        """Make this the place whose neighbours are looked at."""
        rows = self.space.neighbors(self.ledger.rows([row])[0])
        near = {c.key: c.row for c in self.ledger.screen(rows[self._rng.permutation(len(rows))]) if c.key != key}
        self._keys.update((row, key) for key, row in near.items())
        self._place = _Place(score, row, near, deque(Candidate(row, key) for key, row in near.items()))
        self._left.add(key)

    def _step(self) -> bool:
        """Go on to a better neighbour, or give up a local optimum; False where more has to be known."""
        place, scores = self._place, self._scores
        if place is None:
            return False
        while place.open and place.open[0].key in scores:
            place.open.popleft()
        if place.open and self.move == "best":
            return False
        known = [key for key in place.near if key in scores]
        complete = len(known) == len(place.near)
        if self.move == "best" and not complete:
            return False
        better = [key for key in known if scores[key] > place.score]
        ahead = [key for key in better if key not in self._left]  # from the others, the way is known
        if ahead:
            best = max(ahead, key=scores.__getitem__)
            self._stand(best, place.near[best], scores[best])
            return True
        if complete:
            if not better:
                self.optima.append(Member(place.score, self.ledger.rows([place.row])))
            self._begin_again()
        return complete

    def _begin_again(self) -> None:
        self._place = None
        if self.restart == "random":
            self._starts.clear()
            self._n_starts = 0

    def _founders(self, n: int) -> list[bytes]:
        """Up to ``n`` random architectures to start from, as far as they are missing."""
        wanted = min(n, self.initial_size - self._n_starts - self.ledger.n_pending)
        return self.ledger.draw(wanted, self._sample, self._rng, self._pool, BLOCK) if wanted > 0 else []

    def _sample(self, k: int) -> Rows:
        return self.ledger.sample(k, self._rng)
