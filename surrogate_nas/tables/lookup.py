"""Where does an architecture stand in a table: rows in, positions out, in a fraction of a microsecond each.

Notation: n rows asked for, m rows in the table, d genes. A position is an index into the table's
rows, ABSENT where the table does not hold the architecture.

Two forms with one behaviour. :class:`DenseLookup` keeps one slot per thinkable row, for spaces with
few of them; :class:`HashedLookup` sorts 64-bit hashes, for all others. Under the key "canonical"
both look for the row itself first: the table's rows are canonical, so only what is not found needs
its canonical form, which costs more than the search.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import SearchSpace

Positions = npt.NDArray[np.int64]

#: Position of an architecture that the table does not hold.
ABSENT = -1

#: A dense lookup takes 4 bytes per thinkable row; past 2**22 of them (16 MB) hashing is the better deal.
DENSE_LIMIT = 2**22

_NOT_ASKED = -2


class Lookup(Protocol):
    """Finds rows in a table."""

    def positions(self, rows: npt.NDArray[np.int16]) -> Positions:
        """Position of each row, shape (n,); ABSENT where the table does not hold it."""


def build_lookup(space: SearchSpace, X: npt.NDArray[np.int16], *, canonical: bool) -> Lookup:
    """Choose the form that suits the space.

    Args:
        space: Space of the rows.
        X: The table's rows, int16 of shape (m, d), no two equal, canonical if ``canonical``.
        canonical: Whether an equivalent row may stand for the one asked for.
    """
    thinkable = 1
    for c in space.cardinalities:  # Python integers: a large space would overflow int64 unnoticed
        thinkable *= int(c)
    return (DenseLookup if thinkable <= DENSE_LIMIT else HashedLookup)(space, X, canonical=canonical)


class DenseLookup:
    """One slot per thinkable row, filled as rows are asked for."""

    def __init__(self, space: SearchSpace, X: npt.NDArray[np.int16], *, canonical: bool) -> None:
        self._space = space
        self._cardinalities = tuple(int(c) for c in space.cardinalities)
        weights = [1]
        for c in reversed(self._cardinalities[1:]):
            weights.insert(0, weights[0] * c)
        self._weights = tuple(weights)
        size = weights[0] * self._cardinalities[0]
        self._slots = np.full(size, _NOT_ASKED if canonical else ABSENT, dtype=np.int32)
        self._slots[self._codes(X)] = np.arange(len(X), dtype=np.int32)

    def positions(self, rows: npt.NDArray[np.int16]) -> Positions:
        """Position of each row; ABSENT where the table does not hold it."""
        if len(rows) == 1:
            return self._position(rows)
        codes = self._codes(rows)
        found = self._slots[codes]
        asked = found != _NOT_ASKED
        if not asked.all():
            new, first = np.unique(codes[~asked], return_index=True)
            representatives = self._space.canonical(rows[~asked][first])
            slots = self._slots[self._codes(representatives)]
            self._slots[new] = np.where(slots >= 0, slots, ABSENT)
            found = self._slots[codes]
        return found.astype(np.int64)

    def _position(self, rows: npt.NDArray[np.int16]) -> Positions:
        # NumPy's fixed cost per call is most of a single query; Python integers are three times faster here.
        code = 0
        for gene, cardinality, weight in zip(rows[0].tolist(), self._cardinalities, self._weights, strict=True):
            if not 0 <= gene < cardinality:
                raise out_of_range(self._space, rows)
            code += gene * weight
        slot = self._slots.item(code)
        if slot == _NOT_ASKED:
            slot = self._slots.item(int(self._codes(self._space.canonical(rows))[0]))
            slot = slot if slot >= 0 else ABSENT
            self._slots[code] = slot
        return np.array([slot])

    def _codes(self, rows: npt.NDArray[np.int16]) -> Positions:
        codes = np.zeros(len(rows), dtype=np.int64)
        for i, (cardinality, weight) in enumerate(zip(self._cardinalities, self._weights, strict=True)):
            gene = rows[:, i].astype(np.int64)
            if len(gene) and not (gene.min() >= 0 and gene.max() < cardinality):
                raise out_of_range(self._space, rows)
            codes += gene * weight
        return codes


class HashedLookup:
    """Sorted 64-bit hashes of the table's rows, with the place where each beginning of a hash starts.

    The leading bits leave one or two hashes to look at, where a binary search would jump through all of them; a hit is
    compared with the row itself.
    """

    def __init__(self, space: SearchSpace, X: npt.NDArray[np.int16], *, canonical: bool) -> None:
        self._space = space
        self._X = X
        self._canonical = canonical
        # Any odd multipliers serve; fresh ones are drawn in the rare case that two rows collide.
        rng = np.random.default_rng(0)
        for _ in range(8):
            self._multipliers = rng.integers(0, 2**63, size=X.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
            hashes = self._hash(X)
            self._order = np.argsort(hashes, kind="stable")
            self._hashes = hashes[self._order]
            if not (self._hashes[1:] == self._hashes[:-1]).any():
                bits = len(X).bit_length() + 1
                self._shift = np.uint64(64 - bits)
                counts = np.bincount((self._hashes >> self._shift).astype(np.int64), minlength=2**bits)
                self._starts = np.minimum(np.cumsum(counts) - counts, len(X) - 1).astype(np.int32)
                return
        raise InvalidInputError("table: expected different rows, got some twice; drop the repeats first")

    def positions(self, rows: npt.NDArray[np.int16]) -> Positions:
        """Position of each row; ABSENT where the table does not hold it."""
        found = self._exact(rows)
        missing = np.flatnonzero(found == ABSENT)
        if len(missing):  # what was found is in range
            others = rows[missing]
            if not self._space.in_range(others).all():
                raise out_of_range(self._space, rows)
            if self._canonical:
                found[missing] = self._exact(self._space.canonical(others))
        return found

    def _exact(self, rows: npt.NDArray[np.int16]) -> Positions:
        hashes = self._hash(rows)
        at = self._starts[hashes >> self._shift]
        behind = np.flatnonzero(self._hashes[at] < hashes)
        while len(behind):
            behind = behind[at[behind] < len(self._hashes) - 1]
            at[behind] += 1
            behind = behind[self._hashes[at[behind]] < hashes[behind]]
        candidates = self._order[at]
        same = (self._X.take(candidates, axis=0) == rows).all(axis=1)  # an index in brackets takes ten times as long
        return np.where(same, candidates, ABSENT)

    def _hash(self, rows: npt.NDArray[np.int16]) -> npt.NDArray[np.uint64]:
        return rows.astype(np.uint64) @ self._multipliers


def out_of_range(space: SearchSpace, rows: npt.NDArray[np.int16]) -> InvalidInputError:
    """The error for rows with a gene that the space does not have; names the first such row."""
    bad = (rows < 0) | (rows >= space.cardinalities)
    row, gene = (int(i) for i in np.argwhere(bad)[0])
    return InvalidInputError(
        f"row {row}, gene {space.gene_names[gene]!r}: expected 0 to {int(space.cardinalities[gene]) - 1}, "
        f"got {int(rows[row, gene])}; is this a row of space {space.name!r}?"
    )
