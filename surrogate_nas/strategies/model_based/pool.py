"""Which architectures a model is asked about, and the way from its ranking to proposals."""

from collections import deque
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import Rows
from surrogate_nas.strategies.ledger import Candidate, Ledger

#: Ranked rows screened at once: most requests want the first few only.
BLOCK = 256


@final
class Ranking:
    """Rows in the order in which they are to be proposed; those that were proposed meanwhile are passed over.

    Args:
        ledger: The strategy's ledger.
        rows: The best first, shape (m, d); they are screened as far as they are needed.
    """

    def __init__(self, ledger: Ledger, rows: Rows) -> None:
        self.ledger = ledger
        self.rows = rows
        self._next = 0
        self._ready: deque[Candidate] = deque()

    def claim(self, n: int) -> list[bytes]:
        """Take the next ``n`` rows, fewer at the end; they are pending from now on."""
        taken = self.ledger.claim(self._ready, n)
        while len(taken) < n and self._next < len(self.rows):
            block = self.rows[self._next : self._next + max(BLOCK, n)]
            self._next += len(block)
            self._ready.extend(self.ledger.screen(block))
            taken += self.ledger.claim(self._ready, n - len(taken))
        return taken


@final
class CandidatePool:
    """The rows that a model is asked to rank.

    Args:
        ledger: The strategy's ledger.
        size: Most candidates at once. A space with no more rows is taken whole.
        mutants: Share of the candidates that are one or two edits away from the best; the others are random.
    """

    def __init__(self, ledger: Ledger, *, size: int, mutants: float = 0.5) -> None:
        if size < 1:
            raise InvalidInputError(f"pool_size: expected at least 1, got {size}")
        if not 0 <= mutants <= 1:
            raise InvalidInputError(f"mutants: expected a share from 0 to 1, got {mutants}")
        self.ledger = ledger
        self.size = size
        self.mutants = mutants
        self._whole: Rows | None = None
        self._keys: list[bytes] = []

    def draw(self, elites: Rows, rng: np.random.Generator) -> Rows:
        """Rows that the conditions allow and that were not proposed yet, each once; none at all: none were found.

        Args:
            elites: The best rows so far, shape (k, d); may be empty.
            rng: Random stream.

        Returns:
            Shape (m, d).
        """
        if self.ledger.n_listed <= self.size:
            if self._whole is None:
                listed = self.ledger.listed()
                self._whole = self.ledger.admit(self.ledger.space.enumerate() if listed is None else listed)
                self._keys = self.ledger.keys(self._whole)
            return self._whole[self.ledger.unseen(self._keys)]
        local = round(self.size * self.mutants) if len(elites) else 0
        found = [self.ledger.sample(self.size - local, rng)]
        if local:
            found.append(self._descend(elites, local, rng))
        rows = self.ledger.admit(np.concatenate(found))
        _, first = np.unique(self.ledger.space.keys(rows), return_index=True)
        rows = rows[np.sort(first)]
        return rows[self.ledger.unseen(self.ledger.keys(rows))]

    def _descend(self, elites: Rows, n: int, rng: np.random.Generator) -> Rows:
        """Mutants of random elites, every other one mutated twice."""
        space = self.ledger.space
        children = space.mutate(elites[rng.integers(len(elites), size=n)], rng)
        children[::2] = space.mutate(children[::2], rng)
        return children


def best_rows(X: Rows, scores: npt.NDArray[np.float64], n: int) -> Rows:
    """The ``n`` rows with the highest scores, the best first; failed ones (NaN) are left out.

    Args:
        X: Shape (m, d).
        scores: Shape (m,); higher is better.
        n: How many at most.
    """
    order = np.argsort(-scores, kind="stable")[: min(n, int(np.count_nonzero(~np.isnan(scores))))]
    return X[order]
