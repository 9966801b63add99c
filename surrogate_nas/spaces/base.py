"""The contract of a search space: an architecture is a row of small integers.

Everything that is known about architectures as such lives here: which rows exist, which of them
mean the same network, how they read as text, what their neighbours are and which labelled graph
they stand for. What an architecture *scores* lives in tables; how it is *built* lives in networks,
which read the space's ``skeleton``.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.core.validation import check_rows
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.skeleton import Skeleton
from surrogate_nas.spaces.text import shorten

if TYPE_CHECKING:  # a slow import that few callers need
    import networkx as nx

    from surrogate_nas.spaces.drawing import Drawing

Rows = npt.NDArray[np.int16]

#: Positions in an enumeration: int64, or Python integers in an object array where a space has more rows than that.
Positions = npt.NDArray[Any]

#: Spaces with more rows than this are not listed: the rows alone would take gigabytes.
MAX_LISTED = 2**22

#: Mutation by rejection gives up after this many rounds per request, rather than loop for ever.
MAX_ROUNDS = 200


class SearchSpace(ABC):
    """A set of architectures, as integer rows ``X`` of shape (n, d), dtype int16.

    Attributes:
        name: Name in the catalogue, or the user's own.
        cardinalities: Values that each gene can take, int64 of shape (d,).
        gene_names: One readable name per gene.
        size: Number of valid rows, equal to ``len(enumerate())`` where the space can be listed; a Python integer.
        ordinal: Genes whose values have an order (widths, kernel sizes), bool of shape (d,).
        genewise: Whether one edit is the change of one gene.
        skeleton: How networks are built from a cell of this space, as data.
        scope: What one graph describes: a "cell" that the skeleton repeats, a "cell pair" (one for normal places, one
            for those that halve the resolution), or the whole "network", layer by layer.
        references: Architectures that people build by hand, in text form by name; what a search should beat.
        definition: The values that :func:`define_space` built it from, None if it was built otherwise.
    """

    name: str
    cardinalities: npt.NDArray[np.int64]
    gene_names: tuple[str, ...]
    skeleton: Skeleton
    scope: ClassVar[Literal["cell", "cell pair", "network"]] = "cell"
    genewise: bool = True
    references: Mapping[str, str] = MappingProxyType({})
    definition: Mapping[str, Any] | None = None

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of valid rows."""

    @abstractmethod
    def valid(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for each row whether it belongs to the space; shape (n,)."""

    @abstractmethod
    def canonical(self, X: npt.ArrayLike) -> Rows:
        """Map each row to the one representative of all rows that mean the same network; shape (n, d).

        Idempotent. Rows with a gene out of range map to themselves.
        """

    @abstractmethod
    def parse(self, texts: str | Sequence[str]) -> Rows:
        """Read the official text form, ``parse(format(X)) == X`` exactly.

        Raises:
            InvalidInputError: A text does not follow the form; the message shows where and the form.
        """

    @abstractmethod
    def format(self, X: npt.ArrayLike) -> list[str]:
        """Write rows in the official text form."""

    @abstractmethod
    def enumerate(self) -> Rows:
        """All valid rows in a fixed order; shape (size, d).

        Raises:
            InvalidInputError: The space has more than :data:`MAX_LISTED` rows; :meth:`at` reaches each of them.
        """

    @abstractmethod
    def index(self, X: npt.ArrayLike) -> Positions:
        """Position of each row in the enumeration, -1 where it is not valid; shape (n,)."""

    @abstractmethod
    def at(self, positions: npt.ArrayLike) -> Rows:
        """The rows at positions of the enumeration, ``index(at(p)) == p``; shape (n, d).

        Raises:
            InvalidInputError: A position is not from 0 to ``size - 1``.
        """

    @abstractmethod
    def graphs(self, X: npt.ArrayLike) -> GraphBatch:
        """Rows as labelled directed acyclic graphs with operations on nodes."""

    @abstractmethod
    def from_networkx(self, graphs: "Sequence[nx.DiGraph[Any]]") -> Rows:
        """Canonical rows of graphs as ``graphs(X).to_networkx()`` writes them."""

    # What follows holds for every space of independent genes; a family in which one edit is more than
    # the change of one gene has its own sample, neighbors, mutate, crossover and distance.

    def canonical_index(self, X: npt.ArrayLike) -> Positions:
        """Position in the enumeration of each row's canonical form, -1 where that is not valid; shape (n,)."""
        return self.index(self.canonical(X))

    @property
    def scales(self) -> tuple[npt.NDArray[np.float64] | None, ...]:
        """Per gene, where its values lie on a scale from 0 to 1; None where they have no order.

        A gene with more values than its scale says with the first of them that the choice is not made.
        """
        return (None,) * self.n_genes

    @property
    def ordinal(self) -> npt.NDArray[np.bool_]:
        """Genes whose values have an order; bool of shape (d,)."""
        return np.array([scale is not None for scale in self.scales])

    @property
    def n_genes(self) -> int:
        """Length d of a row."""
        return len(self.cardinalities)

    def rows(self, X: npt.ArrayLike) -> Rows:
        """Check that ``X`` has this space's shape and return it as int16 (n, d)."""
        return check_rows(X, self.n_genes)

    def row(self, x: npt.ArrayLike) -> npt.NDArray[np.int16]:
        """Check that ``x`` is one row, of shape (d,) or (1, d), and return it as int16 (d,)."""
        rows = self.rows(x)
        if len(rows) != 1:
            raise InvalidInputError(f"x: expected one row, got {len(rows)} of them; pass one at a time, such as X[0]")
        return rows[0]

    def parents(self, A: npt.ArrayLike, B: npt.ArrayLike) -> tuple[Rows, Rows]:
        """Check that two batches pair up row by row and return them as int16 (n, d)."""
        a, b = self.rows(A), self.rows(B)
        if len(a) != len(b):
            raise InvalidInputError(
                f"A and B: expected as many first as second parents, got {len(a)} and {len(b)}; repeat or drop rows"
            )
        return a, b

    def show(self, x: npt.ArrayLike) -> "Drawing":
        """Draw one architecture; a notebook shows the picture, ``.svg`` and ``.mermaid`` are text.

        Args:
            x: Its row, shape (d,) or (1, d).
        """
        from surrogate_nas.spaces.drawing import draw  # pictures are rare, spaces are not

        return draw(self, self.row(x))

    def keys(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """One value per row to sort, compare and look up by: equal rows, equal keys; shape (n,).

        Codes where they fit into 64 bits, else the bytes of the row. Genes must be in range.
        """
        if self.has_codes:
            return self.codes(X)
        rows = np.ascontiguousarray(self.rows(X))
        return rows.view(f"V{rows.itemsize * self.n_genes}")[:, 0]

    @cached_property
    def has_codes(self) -> bool:
        """Whether every combination of genes has a number of 64 bits."""
        return math.prod(self.cardinalities.tolist()) < 2**63

    def codes(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """One integer per row (mixed radix), as :attr:`has_codes` permits; equal rows, equal codes. Genes in range."""
        return self.rows(X).astype(np.int64) @ self.radix

    def from_codes(self, codes: npt.ArrayLike) -> Rows:
        """Inverse of :meth:`codes`."""
        c = np.asarray(codes, dtype=np.int64)
        return (c[:, None] // self.radix % self.cardinalities).astype(np.int16)

    def in_range(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for each row whether every gene is below its cardinality; shape (n,)."""
        rows = self.rows(X)
        return np.logical_and.reduce((rows >= 0) & (rows < self.cardinalities), axis=1)

    def sample(self, n: int, rng: RandomState, *, unique: bool = False) -> Rows:
        """Draw rows uniformly over all valid rows.

        Args:
            n: How many.
            rng: Random stream, or a seed.
            unique: No row twice.

        Raises:
            InvalidInputError: ``n`` is not a whole number of at least 0.
            SpaceExhaustedError: ``unique`` and fewer than ``n`` valid rows exist.
        """
        check_count(n)
        if unique and n > self.size:
            raise SpaceExhaustedError(
                f"space {self.name!r} has {self.size} valid architectures, {n} different ones were asked for; "
                f"ask for at most {self.size}"
            )
        rng = as_generator(rng)
        if not unique:
            return self._draw(n, rng)
        if self.size <= MAX_LISTED or 4 * n > self.size:  # drawing again and again would crawl
            return self.at(rng.choice(self.size, size=n, replace=False))
        found = np.empty((0, self.n_genes), dtype=np.int16)
        while len(found) < n:  # three in four draws are new, or more
            found = np.concatenate([found, self._draw(n - len(found) + 8, rng)])
            _, first = np.unique(self.keys(found), return_index=True)
            found = found[np.sort(first)]
        return found[:n]

    def _draw(self, n: int, rng: np.random.Generator) -> Rows:
        """Draw rows uniformly, with repeats; a family overrides it that knows a quicker way, or is beyond 64 bits."""
        return self.at(rng.integers(self.size, size=n))

    def distance(self, x: npt.ArrayLike, Y: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """How many edits lead from row ``x`` to each row of ``Y``, here genes that differ; shape (n,)."""
        return np.count_nonzero(self.rows(Y) != self.row(x), axis=1).astype(np.int64)

    def neighbors(self, x: npt.ArrayLike) -> Rows:
        """All valid rows that are one edit away from row ``x``, here in one gene; shape (m, d)."""
        row = self.row(x)
        gene, value = self._edits
        out = np.repeat(row[None, :], len(gene), axis=0)
        out[np.arange(len(gene)), gene] = value
        return out[(value != row[gene]) & self.valid(out)]

    def mutate(self, X: npt.ArrayLike, rng: RandomState) -> Rows:
        """Change one gene of each row, uniformly over genes and other values, to a valid row.

        A row without any valid neighbour comes back unchanged.
        """
        rng = as_generator(rng)
        out = self.rows(X).copy()
        todo = np.arange(len(out))
        genes, others = self._movable
        for _ in range(MAX_ROUNDS if len(genes) else 0):
            if not len(todo):
                return out
            tries = 8 if len(todo) <= 64 else 1  # for a few rows, several tries at once cost less than several rounds
            n = len(todo) * tries
            pick = rng.integers(len(genes), size=n)
            step = 1 + (rng.random(n) * others[pick]).astype(np.int16)
            tried, at, gene = np.repeat(out[todo], tries, axis=0), np.arange(n), genes[pick]
            tried[at, gene] = (tried[at, gene] + step) % (others[pick] + 1)
            good = self.valid(tried).reshape(-1, tries)
            found = good.any(axis=1)
            out[todo[found]] = tried[(at[::tries] + good.argmax(axis=1))[found]]
            todo = todo[~found]
        for i in todo:
            near = self.neighbors(out[i])
            if len(near):
                out[i] = near[rng.integers(len(near))]
        return out

    def crossover(self, A: npt.ArrayLike, B: npt.ArrayLike, rng: RandomState) -> Rows:
        """Take each gene from one of two parents at random; an invalid child is replaced by its first parent.

        Args:
            A: First parents, shape (n, d).
            B: Second parents, shape (n, d).
            rng: Random stream, or a seed.
        """
        rng = as_generator(rng)
        a, b = self.parents(A, B)
        out = a.copy()
        todo = np.arange(len(a))
        for _ in range(16):  # past this, parents are almost certainly incompatible
            child = self._settled(np.where(rng.random((len(todo), self.n_genes)) < 0.5, a[todo], b[todo]))
            good = self.valid(child)
            out[todo[good]] = child[good]
            todo = todo[~good]
            if not len(todo):
                break
        return out

    def _settled(self, rows: Rows) -> Rows:
        """What mixed genes mean; a family overrides it whose valid rows are canonical."""
        return rows

    @cached_property
    def radix(self) -> npt.NDArray[np.int64]:
        """Weight of each gene in :meth:`codes`; int64 of shape (d,)."""
        if not self.has_codes:
            raise InvalidInputError(
                f"space {self.name!r}: expected at most 2**63 combinations of genes to number them, got more; use keys"
            )
        return np.concatenate([np.cumprod(self.cardinalities[:0:-1])[::-1], [1]]).astype(np.int64)

    @cached_property
    def _edits(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]:
        """Every (gene, value) there is, in order."""
        gene = np.repeat(np.arange(self.n_genes), self.cardinalities)
        return gene, np.concatenate([np.arange(c) for c in self.cardinalities]).astype(np.int16)

    @cached_property
    def _movable(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]:
        """Genes with a choice, and how many other values each has."""
        genes = np.flatnonzero(self.cardinalities > 1)
        return genes, (self.cardinalities[genes] - 1).astype(np.int16)

    def too_large_to_list(self) -> InvalidInputError:
        """The error with which :meth:`enumerate` refuses a large space."""
        return InvalidInputError(
            f"space {self.name!r}: expected at most {MAX_LISTED:,} architectures to list, got {self.size:,}; "
            "use space.sample(n, rng), or space.at(positions) for a stretch of them"
        )

    def __copy__(self) -> "SearchSpace":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "SearchSpace":
        return self  # immutable; estimators that hold a space are cloned often

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.size:,} architectures of {self.n_genes} genes>"


def check_count(n: Any) -> None:
    """Check how many rows are asked for.

    Args:
        n: What the user gave.

    Raises:
        InvalidInputError: Not a whole number of at least 0.
    """
    if not isinstance(n, int | np.integer) or n < 0:
        raise InvalidInputError(f"n: expected a whole number of at least 0, got {shorten(n)}; say how many rows")


def check_positions(positions: npt.ArrayLike, size: int) -> Positions:
    """Return positions as an array of shape (n,), int64 or Python integers as ``size`` requires.

    Args:
        positions: Integers from 0 to ``size - 1``, shape (n,) or one.
        size: Number of rows there are.

    Raises:
        InvalidInputError: Not integers, or out of range.
    """
    given = np.atleast_1d(np.asarray(positions))
    if not given.size:
        given = given.astype(np.int64)
    if given.ndim != 1 or (given.dtype.kind not in "iu" and not all(isinstance(p, int) for p in given.tolist())):
        raise InvalidInputError(f"positions: expected integers of shape (n,), got {given.dtype} of shape {given.shape}")
    if given.size and not (given.min() >= 0 and given.max() < size):
        raise InvalidInputError(f"positions: expected 0 to {size - 1}, got {given.min()} to {given.max()}")
    return given.astype(np.int64 if size <= 2**63 else object)
