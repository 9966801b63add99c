"""Spaces small enough to know every row: one look-up per question, whatever the isomorphism rules cost.

All in-range rows are numbered by their code (mixed radix, see ``SearchSpace.codes``). A family says
what the canonical form of a batch of rows is and which rows belong to the space; this module asks
once, keeps the answers by code, and every later question about validity, canonical forms and
positions is an array look-up. Tables are computed on first use and belong to the instance.
"""

import math
from abc import abstractmethod
from functools import cached_property

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import Rows, SearchSpace, check_positions

Codes = npt.NDArray[np.int64]

#: Largest number of in-range rows that is tabulated: the tables then take about 100 MB.
MAX_CODES = 2**22


class TabulatedSpace(SearchSpace):
    """A space whose in-range rows can all be visited once."""

    def __init__(self, name: str, cardinalities: list[int]) -> None:
        """Set the size of each gene.

        Args:
            name: Name in the catalogue, or the user's own.
            cardinalities: Values that each gene can take.

        Raises:
            InvalidInputError: More rows than can be tabulated.
        """
        total = math.prod(cardinalities)
        if not 0 < total <= MAX_CODES:
            raise InvalidInputError(
                f"space {name!r}: expected 1 to {MAX_CODES:,} combinations of genes, got {total:,}; "
                "take fewer operations or nodes"
            )
        self.name = name
        self.cardinalities = np.array(cardinalities, dtype=np.int64)
        self.cardinalities.flags.writeable = False  # a space is shared by all who ask for it
        self._total = total
        self._limits = self.cardinalities.astype(np.uint16)
        self._places = tuple(zip(cardinalities, self.radix.tolist(), strict=True))

    def __getstate__(self) -> dict[str, object]:
        # Tables are quicker computed again than sent to another process.
        cached = {k for c in type(self).__mro__ for k, v in vars(c).items() if isinstance(v, cached_property)}
        return {k: v for k, v in self.__dict__.items() if k not in cached}

    @abstractmethod
    def _canonical_codes(self) -> Codes:
        """Code of the canonical form of every in-range row, int64 of shape (number of codes,)."""

    @abstractmethod
    def _members(self) -> npt.NDArray[np.bool_]:
        """Tell for every in-range row whether it is valid, bool of shape (number of codes,)."""

    @property
    def size(self) -> int:
        """Number of valid rows."""
        return len(self._valid_codes)

    def valid(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for each row whether it belongs to the space; shape (n,)."""
        found: npt.NDArray[np.bool_] = self._positions[self._slots(self.rows(X))] >= 0
        return found

    def canonical(self, X: npt.ArrayLike) -> Rows:
        """Map each row to the one representative of all rows that mean the same network; shape (n, d).

        A row with a gene out of range maps to itself.
        """
        out = self.rows(X).copy()
        slots = self._slots(out)
        inside = slots < self._total
        out[inside] = self.from_codes(self._canonical_of_all[slots[inside]])
        return out

    def enumerate(self) -> Rows:
        """All valid rows, ordered by code; shape (size, d)."""
        return self._valid_rows.copy()

    def _draw(self, n: int, rng: np.random.Generator) -> Rows:
        return self._valid_rows[rng.integers(self.size, size=n)]

    def at(self, positions: npt.ArrayLike) -> Rows:
        """The rows at positions of :meth:`enumerate`; shape (n, d)."""
        return self._valid_rows[check_positions(positions, self.size)]

    def index(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Position of each row in :meth:`enumerate`, -1 where it is not valid; shape (n,)."""
        return self._positions[self._slots(self.rows(X))]

    def canonical_index(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Position in :meth:`enumerate` of each row's canonical form, -1 where there is none; shape (n,)."""
        return self._canonical_positions[self._slots(self.rows(X))]

    @cached_property
    def _canonical_of_all(self) -> Codes:
        return self._canonical_codes()

    @cached_property
    def _valid_codes(self) -> Codes:
        return np.flatnonzero(self._members())

    @cached_property
    def _valid_rows(self) -> Rows:
        return self.from_codes(self._valid_codes)

    @cached_property
    def _positions(self) -> npt.NDArray[np.int64]:
        # One more slot than codes: rows out of range end there and find -1.
        positions = np.full(self._total + 1, -1, dtype=np.int64)
        positions[self._valid_codes] = np.arange(self.size)
        return positions

    @cached_property
    def _canonical_positions(self) -> npt.NDArray[np.int64]:
        return self._positions[np.append(self._canonical_of_all, self._total)]

    def _slots(self, rows: Rows) -> Codes:
        if len(rows) == 1:  # numpy's overhead per call would be most of the cost of a single query
            slot = 0
            for gene, (cardinality, weight) in zip(rows[0].tolist(), self._places, strict=True):
                if not 0 <= gene < cardinality:
                    return np.array([self._total])
                slot += gene * weight
            return np.array([slot])
        # Seen as unsigned, a negative gene is large: one comparison finds both kinds of stray.
        outside = (rows.view(np.uint16) >= self._limits).any(axis=1)
        slots = rows.astype(np.int64) @ self.radix
        slots[outside] = self._total
        return slots
