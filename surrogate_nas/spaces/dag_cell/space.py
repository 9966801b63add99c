"""Cells that are labelled directed acyclic graphs: any wiring of a few nodes, one operation on each."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import MAX_LISTED, Rows, SearchSpace, check_positions
from surrogate_nas.spaces.dag_cell.edits import edit_distances, edited
from surrogate_nas.spaces.dag_cell.isomorphism import (
    CHUNK,
    EXACT,
    MAX_NODES,
    Codes,
    Labels,
    Orders,
    Wired,
    complete,
    pruned,
    widened,
)
from surrogate_nas.spaces.dag_cell.listing import (
    MAX_WIRINGS,
    canonical_wirings,
    count_labelled,
    count_wirings,
    labelled_codes,
)
from surrogate_nas.spaces.dag_cell.official import module_hash, read_matrices
from surrogate_nas.spaces.dag_cell.text import DagText
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import INPUT, OUTPUT, Operation
from surrogate_nas.spaces.skeleton import Skeleton
from surrogate_nas.spaces.text import check_names, malformed, texts_of

if TYPE_CHECKING:  # a slow import that few callers need
    import networkx as nx

#: Rows whose edits are held at once: about a hundred edits each.
EDITED = 256


@final
class DagCellSpace(SearchSpace):
    """Cells of 2 to ``max_nodes`` nodes and at most ``max_edges`` edges, every node on a path from input to output.

    A row has one gene per possible edge, by target node and then by source node (0, 1); (0, 2), (1, 2); ... with 1
    = there is an edge, and then one gene per inner node: 0 = no such node, k = operation k - 1. Node 0 is the input,
    the last node the output however many nodes are between them.

    Two rows mean the same network if what is left of them without nodes that are on no path from input to output
    is isomorphic: the same but for the order of inner nodes. The canonical row is the last by code among them, which
    uses the first places and puts nodes that read the input first. Only canonical rows are valid, so each network
    has one row. Operations are never merged: one that passes on its input is a node like any other.

    The text form is ``[0,0+1,1+2] conv|pool|output``: what each node reads (0 = the input, k = the k-th operation of
    the text), then the operations, the output last. Cells may be written with their nodes in any order in which they
    read earlier ones only, and are read as the canonical row.
    """

    genewise = False

    def __init__(
        self,
        name: str,
        operations: Sequence[Operation],
        max_nodes: int,
        max_edges: int,
        skeleton: Skeleton,
        references: Mapping[str, str] | None = None,
        size: int | None = None,
    ) -> None:
        """Describe a space of cells.

        Args:
            name: Name in the catalogue, or the user's own.
            operations: What an inner node can carry.
            max_nodes: Most nodes of a cell, input and output included.
            max_edges: Most edges of a cell.
            skeleton: What stands around the cell.
            references: Hand-made architectures by name, in text form.
            size: Number of cells where it is known, else they are counted when first asked for.
        """
        self.name = name
        self.operations = tuple(operations)
        self.max_nodes, self.max_edges = max_nodes, max_edges
        self.skeleton = skeleton
        self.references = dict(references or {})
        self.vocabulary = (INPUT, *self.operations, OUTPUT)
        self._given_size = size
        self._check()
        self.edges = tuple((a, b) for b in range(1, max_nodes) for a in range(b))
        self.gene_names = (*(f"{a}->{b}" for a, b in self.edges), *(f"op{i}" for i in range(1, max_nodes - 1)))
        self.cardinalities = np.array([2] * len(self.edges) + [len(operations) + 1] * (max_nodes - 2), dtype=np.int64)
        self.cardinalities.flags.writeable = False  # a space is shared by all who ask for it
        if self.cardinalities.astype(float).prod() * len(self.edges) > EXACT:
            raise InvalidInputError(
                f"space {name!r}: {max_nodes} nodes and {len(operations)} operations have more combinations than "
                "can be told apart, expected fewer; take away operations or nodes"
            )

    def __getstate__(self) -> dict[str, object]:
        # Lists are quicker made again than sent to another process.
        cached = {k for c in type(self).__mro__ for k, v in vars(c).items() if isinstance(v, cached_property)}
        return {k: v for k, v in self.__dict__.items() if k not in cached}

    @property
    def size(self) -> int:
        """Number of valid rows."""
        return self._counted if self._given_size is None else self._given_size

    def valid(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for each row whether it is the canonical row of a cell; shape (n,)."""
        rows = self.rows(X)
        n_edges = rows[:, : len(self.edges)].sum(axis=1)
        out: npt.NDArray[np.bool_] = self.in_range(rows) & (n_edges > 0) & (n_edges <= self.max_edges)
        out[out] = (self.canonical(rows[out]) == rows[out]).all(axis=1)
        return out

    def canonical(self, X: npt.ArrayLike) -> Rows:
        """Map each row to the one representative of all rows that mean the same network; shape (n, d).

        A row without a path from input to output becomes the row of zeros; one with too many edges on such paths
        has a canonical row as any other. Neither is valid. A row with a gene out of range maps to itself.
        """
        out = self.rows(X).copy()
        inside = self.in_range(out)
        out[inside] = self._rows_of(*pruned(*self._unpacked(out[inside])))
        return out

    def parse(self, texts: str | Sequence[str]) -> Rows:
        """Canonical rows of strings such as ``[0,0+1,1+2] conv|pool|output``; ``parse(format(X)) == X`` exactly."""
        given = texts_of(texts, self.name)
        raw = np.array([self._text.read(t) for t in given], dtype=np.int16).reshape(-1, self.n_genes)
        wired, labels = pruned(*self._unpacked(raw))
        for i in self._no_cells(wired):
            expected = f"a path from input to output, and at most {self.max_edges} edges on such paths"
            raise malformed(given[i], expected, f"{wired[i].sum()} edges on paths", "wire it otherwise")
        return self._rows_of(wired, labels)

    def format(self, X: npt.ArrayLike) -> list[str]:
        """Write the canonical form of each row as a string such as ``[0,0+1,1+2] conv|pool|output``."""
        wired, labels = self._unpacked(self._rows_of(*self._cells(X)))
        reads = np.einsum("nab,a->nb", wired, 1 << np.arange(self.max_nodes))
        return [self._text.write(*cell) for cell in zip(reads.tolist(), labels.tolist(), strict=True)]

    def enumerate(self) -> Rows:
        """All valid rows, ordered by code; shape (size, d)."""
        out = np.empty((self.size, self.n_genes), dtype=np.int16)
        for start in range(0, len(out), CHUNK):  # what is computed on the way is four times as large
            out[start : start + CHUNK] = self.from_codes(self._valid_codes[start : start + CHUNK])
        return out

    def at(self, positions: npt.ArrayLike) -> Rows:
        """The rows at positions of :meth:`enumerate`; shape (n, d)."""
        return self.from_codes(self._valid_codes[check_positions(positions, self.size)])

    def index(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Position of each row in :meth:`enumerate`, -1 where it is not valid; shape (n,)."""
        rows = self.rows(X)
        codes = np.where(self.in_range(rows), self.codes(rows), -1)
        place = np.minimum(np.searchsorted(self._valid_codes, codes), self.size - 1)
        return np.where(self._valid_codes[place] == codes, place, -1)

    def canonical_index(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Position in :meth:`enumerate` of each row's canonical form, -1 where that is not valid; shape (n,)."""
        rows = self.rows(X)
        out = self.index(rows)
        rest = out < 0  # a valid row, as tables hold them, is its own canonical form
        if rest.any():
            out[rest] = self.index(self.canonical(rows[rest]))
        return out

    def neighbors(self, x: npt.ArrayLike) -> Rows:
        """All cells that are one edit (see ``edits``) away from row ``x``; shape (m, d)."""
        wired, labels = self._cells(self.row(x))
        return self.from_codes(self._one_edit_away(wired, labels)[1])

    def mutate(self, X: npt.ArrayLike, rng: RandomState) -> Rows:
        """Replace each row by one of its neighbours, uniformly; a row without any stays."""
        # Differs from [Ying et al. 2019, regularised evolution]: there each of the 21 edges of a raw matrix of seven
        # nodes is flipped with probability 1/7 and each of five operations replaced with probability 1/5, until the
        # result is a cell. Much of that is pruned again, and it depends on how the network happens to be written.
        rng = as_generator(rng)
        wired, labels = self._cells(X)
        out = self.codes(self._rows_of(wired, labels))
        for start in range(0, len(out), EDITED):
            part = slice(start, start + EDITED)
            owner, near = self._one_edit_away(wired[part], labels[part])
            counts = np.bincount(owner, minlength=len(out[part]))
            pick = np.cumsum(counts) - counts + (rng.random(len(counts)) * counts).astype(np.int64)
            out[part][counts > 0] = near[pick[counts > 0]]
        return self.from_codes(out)

    def _settled(self, rows: Rows) -> Rows:
        # Canonical rows start with what reads the input, so that nodes at equal places tend to be alike and genes of
        # two parents can be mixed; what is then on no path is dropped.
        return self.canonical(rows)

    def distance(self, x: npt.ArrayLike, Y: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Edits from row ``x`` to each row of ``Y`` in the cheapest matching of their nodes; shape (n,).

        0 for the same network, 1 exactly for neighbours; see ``edits.edit_distances``.
        """
        rows = np.concatenate([self.row(x)[None, :], self.rows(Y)])
        return edit_distances(self._orders, *self._unpacked(self._rows_of(*self._cells(rows))))[1:]

    def graphs(self, X: npt.ArrayLike) -> GraphBatch:
        """Rows as graphs; what is on no path from input to output is masked."""
        wired, labels = self._cells(X)
        ops = np.zeros((len(labels), self.max_nodes), dtype=np.int16)
        ops[:, 1:-1] = np.where(labels > 0, labels, -1)
        ops[:, -1] = len(self.vocabulary) - 1
        return GraphBatch(ops, wired, ops >= 0, self.vocabulary)

    def from_networkx(self, graphs: "Sequence[nx.DiGraph[Any]]") -> Rows:
        """Canonical rows of graphs as ``graphs(X).to_networkx()`` writes them, whatever their nodes are called.

        Raises:
            InvalidInputError: A graph is not the graph of a cell of this space.
        """
        batch = GraphBatch.from_networkx(graphs, self.vocabulary)
        n_nodes = batch.mask.sum(axis=1)
        for i in np.flatnonzero(n_nodes > self.max_nodes).tolist():
            raise InvalidInputError(
                f"graph {i}: expected at most {self.max_nodes} nodes, got {n_nodes[i]}; take nodes away"
            )
        if not len(batch):
            return np.empty((0, self.n_genes), dtype=np.int16)
        wired = widened(batch.adjacency, self.max_nodes)
        labels = np.zeros((len(batch), self.max_nodes - 2), dtype=np.int16)
        labels[:, : batch.ops.shape[1] - 2] = np.maximum(batch.ops[:, 1:-1], 0)
        for i in np.flatnonzero(~complete(wired, labels, self.max_edges)).tolist():
            raise InvalidInputError(
                f"graph {i}: expected every node on a path from input to output and at most {self.max_edges} edges, "
                f"got {graphs[i]}; build it like space.graphs(X).to_networkx()"
            )
        return self._rows_of(wired, labels)

    def from_matrix(self, matrices: Sequence[npt.ArrayLike], operations: Sequence[Sequence[str]]) -> Rows:
        """Canonical rows of cells as NAS-Bench-101 writes them; nodes on no path from input to output are dropped.

        Args:
            matrices: Upper-triangular adjacency matrices of 0 and 1, each of its own size up to ``max_nodes``.
            operations: The name on each node, "input" first and "output" last.

        Raises:
            InvalidInputError: Not a cell of this space; the message shows which one and why.
        """
        known = [op.name for op in self.operations]
        wired, labels = pruned(*read_matrices(matrices, operations, known, self.max_nodes))
        for i in self._no_cells(wired):
            raise InvalidInputError(
                f"matrix {i}: expected a path from input to output, and at most {self.max_edges} edges on such paths, "
                f"got {wired[i].sum()} edges on paths; wire it otherwise"
            )
        return self._rows_of(wired, labels)

    def to_matrix(self, x: npt.ArrayLike) -> tuple[npt.NDArray[np.int8], list[str]]:
        """Adjacency matrix of one row, int8 of shape (v, v), and the name on each of its v nodes, ends included."""
        graph = self.graphs(self.row(x))
        used = np.flatnonzero(graph.mask[0])
        return graph.adjacency[0][np.ix_(used, used)].astype(np.int8), [
            self.vocabulary[k].name for k in graph.ops[0, used]
        ]

    def module_hashes(self, X: npt.ArrayLike) -> list[str]:
        """NAS-Bench-101's own hash of each cell, the key of its files; operations count in this space's order."""
        graphs = self.graphs(X)
        out = []
        for ops, wired, mask in zip(graphs.ops.tolist(), graphs.adjacency, graphs.mask, strict=True):
            used = np.flatnonzero(mask)
            readers = [np.flatnonzero(row).tolist() for row in wired[np.ix_(used, used)]]
            out.append(module_hash(readers, [-1, *(k - 1 for k in ops[1:-1] if k > 0), -2]))
        return out

    @cached_property
    def _orders(self) -> Orders:
        return Orders(self.max_nodes, self.edges, self.radix)

    @cached_property
    def _text(self) -> DagText:
        return DagText([op.name for op in self.operations], self.max_nodes)

    @cached_property
    def _wirings(self) -> dict[int, Wired]:
        """Canonical wirings by number of nodes."""
        sizes = range(2, self.max_nodes + 1)
        return {n: canonical_wirings(self._orders, n, self.max_edges) for n in sizes}

    @cached_property
    def _counted(self) -> int:
        n_labels = len(self.operations)
        return sum(count_labelled(self._orders, wired, n, n_labels) for n, wired in self._wirings.items())

    @cached_property
    def _valid_codes(self) -> Codes:
        """Codes of all valid rows, ascending."""
        if self._counted > MAX_LISTED or self._given_size not in (None, self._counted):
            raise InvalidInputError(
                f"space {self.name!r}: expected the size given, if any, to be that of the space, and at most "
                f"{MAX_LISTED:,}, got {self._counted:,} cells; leave size out, and take fewer operations or edges"
            )
        n_labels = len(self.operations)
        found = [labelled_codes(self._orders, wired, n, n_labels) for n, wired in self._wirings.items()]
        return np.sort(np.concatenate(found))

    def _one_edit_away(self, wired: Wired, labels: Labels) -> tuple[npt.NDArray[np.int64], Codes]:
        """Position in the batch and code of each neighbour of each cell, each once, ascending."""
        owner, wired, labels = edited(wired, labels, len(self.operations))
        good = complete(wired, labels, self.max_edges)
        codes = self._orders.largest_codes(wired[good], labels[good])
        total = int(self.radix[0]) * 2
        found = np.unique((owner[good] * total + codes)[codes >= 0])
        return found // total, found % total

    def _rows_of(self, wired: Wired, labels: Labels) -> Rows:
        """Canonical rows of cells without loose ends."""
        return self.from_codes(self._orders.largest_codes(wired, labels))

    def _unpacked(self, rows: Rows) -> tuple[Wired, Labels]:
        sources, targets = np.array(self.edges).T
        wired = np.zeros((len(rows), self.max_nodes, self.max_nodes), dtype=bool)
        wired[:, sources, targets] = rows[:, : len(self.edges)]
        return wired, rows[:, len(self.edges) :]

    def _no_cells(self, wired: Wired) -> list[int]:
        """Positions of pruned cells that have too many edges, or none."""
        n_edges = wired.sum(axis=(1, 2))
        return np.flatnonzero((n_edges == 0) | (n_edges > self.max_edges)).tolist()

    def _cells(self, X: npt.ArrayLike) -> tuple[Wired, Labels]:
        """Check that rows stand for cells, canonical or not, and return what is on paths from input to output."""
        rows = self.rows(X)
        if not self.in_range(rows).all():
            raise InvalidInputError(
                f"X: expected 0 or 1 for each edge and 0 to {len(self.operations)} for each node, got values from "
                f"{rows.min()} to {rows.max()}; see space.cardinalities"
            )
        wired, labels = pruned(*self._unpacked(rows))
        for i in self._no_cells(wired):
            raise InvalidInputError(
                f"row {i}: expected a path from input to output, and at most {self.max_edges} edges on such paths, "
                f"got {wired[i].sum()} edges on paths; see space.valid(X)"
            )
        return wired, labels

    def _check(self) -> None:
        check_names([op.name for op in self.operations], "|")
        if not 3 <= self.max_nodes <= MAX_NODES:
            raise InvalidInputError(
                f"max_nodes: expected 3 to {MAX_NODES}, input and output included, got {self.max_nodes}"
            )
        if self.max_edges < 1 or count_wirings(self.max_nodes, self.max_edges) > MAX_WIRINGS:
            raise InvalidInputError(
                f"max_edges: expected at least 1, and few enough to list all wirings of {self.max_nodes} nodes, "
                f"got {self.max_edges}; take another number of edges, or fewer nodes"
            )
        for op in self.operations:
            if op.kind in ("none", INPUT.kind, OUTPUT.kind):
                raise InvalidInputError(
                    f"operation {op.name!r}: expected one that a node can carry, got kind {op.kind!r}; leave it out, "
                    "nodes and edges may be missing anyway"
                )
