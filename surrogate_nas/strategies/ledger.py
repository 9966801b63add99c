"""Book-keeping that strategies share: what was proposed, what is pending, what may still come."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, final, get_args

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.spaces.base import Rows, SearchSpace

#: Rows (n, d) -> bool (n,): which of them may be proposed.
Predicate = Callable[[Rows], npt.NDArray[np.bool_]]
#: What counts as the same architecture: the exact row, the canonical row, or nothing: then repeats are proposed and
#: charged like anything else, as many published methods do.
Key = Literal["row", "canonical", "nothing"]

#: Spaces up to this size are listed when random draws find nothing new; larger ones are given up on.
MAX_LISTED = 2_000_000
#: How often more candidates are drawn for one request, twice as many each time, before the space is listed
#: or given up on.
MAX_DRAWS = 7


class Candidate(NamedTuple):
    """One architecture in a form that is cheap to look up.

    Attributes:
        row: The bytes of its int16 row.
        key: The bytes of what identifies it.
    """

    row: bytes
    key: bytes


@final
class Ledger:
    """Says which architectures may be proposed, each at most once unless the key is "nothing".

    Candidates are screened many at a time, which is where the arrays are; claiming one is a look-up.

    Args:
        space: The space of the rows.
        key: What counts as the same architecture; None means "canonical" unless :meth:`restrict` says else.
        allowed: Condition on rows; None allows all valid rows.
    """

    def __init__(self, space: SearchSpace, *, key: Key | None = None, allowed: Predicate | None = None) -> None:
        if key is not None and key not in get_args(Key):
            raise InvalidInputError(f"key: expected 'row', 'canonical' or 'nothing', got {key!r}")
        self.space = space
        self._fixed_key = key is not None
        self._key: Key = key or "canonical"
        self._allowed = [] if allowed is None else [allowed]
        self._seen: set[bytes] = set()  # keys; stays empty where the key is "nothing"
        self._pending: Counter[bytes] = Counter()  # rows; more than once where the key is "nothing"
        self._told_first: list[Rows] = []  # before anything was claimed, in case the key changes
        self._claimed = False
        self._among: Rows | None = None  # all rows that may be proposed, where they are few
        self._reserve: deque[Candidate] | None = None

    @property
    def n_pending(self) -> int:
        """Number of architectures asked for and not yet told."""
        return self._pending.total()

    def restrict(self, *, allowed: Predicate | None = None, key: Key | None = None, among: Rows | None = None) -> None:
        """Add a condition, and set the key unless the constructor was given one; before anything is claimed.

        Args:
            allowed: Condition on rows.
            key: What counts as the same architecture.
            among: All rows that meet the condition, shape (m, d), where drawing from the space would hardly hit one.
        """
        if self._claimed:
            raise InvalidInputError("strategy: expected one that has proposed nothing yet; make a new one for each run")
        if allowed is not None:
            self._allowed.append(allowed)
        if among is not None:
            self._among = among
        if key is not None and not self._fixed_key and key != self._key:
            self._key = key
            told = [] if key == "nothing" else self._told_first
            self._seen = {c.key for rows in told for c in self._candidates(rows)}

    def sample(self, n: int, rng: np.random.Generator) -> Rows:
        """Random rows that may be among those to propose, shape (n, d)."""
        if self._among is None:
            return self.space.sample(n, rng)
        return self._among[rng.integers(len(self._among), size=n)]

    def listed(self) -> Rows | None:
        """All rows that may be among those to propose; None where they are too many to list."""
        if self._among is not None:
            return self._among
        return self.space.enumerate() if self.space.size <= MAX_LISTED else None

    @property
    def n_listed(self) -> int:
        """Number of rows from which those to propose are taken."""
        return self.space.size if self._among is None else len(self._among)

    def admit(self, X: Rows) -> Rows:
        """The rows of ``X`` that satisfy all conditions."""
        for condition in self._allowed:
            if not len(X):
                break
            X = X[condition(X)]
        return X

    def screen(self, X: Rows) -> list[Candidate]:
        """The rows of ``X`` that satisfy all conditions, ready to be claimed; repeats are kept."""
        return self._candidates(self.admit(X))

    def claim(self, candidates: "deque[Candidate]", n: int) -> list[bytes]:
        """Take candidates from the left until ``n`` of them were new; those are pending from now on."""
        self._claimed = True
        seen, repeats = self._seen, self._key == "nothing"
        taken: list[bytes] = []
        while candidates and len(taken) < n:
            row, key = candidates.popleft()
            if key not in seen:
                if not repeats:
                    seen.add(key)
                self._pending[row] += 1
                taken.append(row)
        return taken

    def draw(
        self,
        n: int,
        source: Callable[[int], Rows],
        rng: np.random.Generator,
        pool: "deque[Candidate]",
        block: int,
    ) -> list[bytes]:
        """Claim ``n`` candidates from ``pool``, refilling it from ``source`` as often as needed.

        Where random draws find nothing new any more, the rest of a space that can be listed is shuffled
        into the pool, so that a small space is used up to its last row.

        Args:
            n: How many are wanted.
            source: k -> k valid rows, drawn at random.
            rng: Random stream, for the order of the rest.
            pool: Candidates left over from earlier calls; changed in place.
            block: How many to draw at once to begin with.

        Returns:
            At least one row and at most ``n``.

        Raises:
            SpaceExhaustedError: Nothing is left, or nothing more was found in a space too large to list.
        """
        taken = self.claim(pool, n)
        for attempt in range(MAX_DRAWS):
            if len(taken) == n:
                return taken
            pool.extend(self.screen(source(max(n, block) << attempt)))
            taken += self.claim(pool, n - len(taken))
        if len(taken) < n and self._among is not None:
            if self._reserve is None:  # drawn once: it is asked again and again where a space is hardly measured
                self._reserve = deque(self.screen(self._among[rng.permutation(len(self._among))]))
            taken += self.claim(self._reserve, n - len(taken))
        elif len(taken) < n and self.space.size <= MAX_LISTED:
            rest = [c for c in self.screen(self.space.enumerate()) if c.key not in self._seen]
            pool.extend(rest[i] for i in rng.permutation(len(rest)))
            taken += self.claim(pool, n - len(taken))
        if not taken:
            raise self.exhausted()
        return taken

    def again(self, row: bytes) -> None:
        """Mark a row that was told as pending once more: it is proposed again, to be trained for longer."""
        self._pending[row] += 1

    def settle(self, X: Rows) -> list[bytes]:
        """Mark rows as told, asked for or not; returns each one's bytes, in order.

        Raises:
            InvalidInputError: A row that was not asked for is not of this space.
        """
        rows = self._split(X)
        unasked = [i for i, row in enumerate(rows) if row not in self._pending]
        if unasked:
            for i in np.flatnonzero(~self.space.valid(X[unasked]))[:1]:
                raise InvalidInputError(
                    f"tell: expected rows of space {self.space.name!r}, got {X[unasked[i]].tolist()}; "
                    "take rows from space.parse(...) or space.sample(...)"
                )
            if self._key != "nothing":
                self._seen |= {c.key for c in self._candidates(X[unasked])}
            if not self._claimed:
                self._told_first.append(X.copy())
        for row in rows:
            if self._pending[row] > 1:
                self._pending[row] -= 1
            else:
                del self._pending[row]
        return rows

    def keys(self, X: Rows) -> list[bytes]:
        """What identifies each row, in order."""
        return self._split(self.space.canonical(X) if self._key == "canonical" else X)

    def pending(self) -> Rows:
        """Rows asked for and not yet told, shape (p, d)."""
        return self.rows(self._pending.elements())

    def unseen(self, keys: Iterable[bytes]) -> npt.NDArray[np.bool_]:
        """Tell which of some :meth:`keys` were neither proposed nor told; shape (n,)."""
        seen = self._seen
        return np.array([key not in seen for key in keys], dtype=bool)

    def rows(self, taken: Iterable[bytes]) -> Rows:
        """Bytes back to an array of shape (n, d)."""
        return np.frombuffer(b"".join(taken), dtype=np.int16).reshape(-1, self.space.n_genes).copy()

    def exhausted(self) -> SpaceExhaustedError:
        """The error that says that nothing is left to propose."""
        if not self._seen and self._allowed:
            return SpaceExhaustedError(
                f"space {self.space.name!r}: expected an architecture that the conditions allow, got none; loosen "
                "a limit, or check that what is searched was measured"
            )
        under = " under the conditions given" if self._allowed else ""
        return SpaceExhaustedError(
            f"space {self.space.name!r}: expected an architecture not proposed before, got none{under} after "
            f"{len(self._seen):,}; a budget of {len(self._seen):,} is the most there is"
        )

    def _candidates(self, X: Rows) -> list[Candidate]:
        rows = self._split(X)
        keys = self.keys(X) if self._key == "canonical" else rows
        return list(map(Candidate._make, zip(rows, keys, strict=True)))

    def _split(self, X: Rows) -> list[bytes]:
        data, width = np.ascontiguousarray(X, dtype=np.int16).tobytes(), 2 * self.space.n_genes
        return [data[i : i + width] for i in range(0, len(data), width)]
