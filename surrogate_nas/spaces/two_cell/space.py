"""Networks of two cells, a normal and a reducing one, whose nodes each read two earlier ones: DARTS."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations, permutations, product
from math import comb, prod
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.spaces.base import MAX_LISTED, Positions, Rows, SearchSpace, check_positions
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.skeleton import Skeleton
from surrogate_nas.spaces.text import check_names, texts_of
from surrogate_nas.spaces.two_cell.config import read_configs, write_config
from surrogate_nas.spaces.two_cell.genotype import CELLS, Genotypes, Indices
from surrogate_nas.spaces.two_cell.graphs import CellGraphs

if TYPE_CHECKING:  # a slow import that few callers need
    import networkx as nx

Codes = npt.NDArray[np.int64]

#: Nodes can be renamed in as many ways as the factorial of their number, and each is tried.
MAX_NODES = 6

#: Codes of one cell stay below: sums of one per node, and marks for impossible renamings, then fit into 64 bits.
MAX_CELL_CODES = 2**58


@final
class TwoCellSpace(SearchSpace):
    """A normal cell and a reduction cell, as DARTS and NAS-Bench-301 search them.

    A cell is given the outputs of the two cells before it (``n_inputs``), states 0 and 1. Each of its
    ``n_nodes`` nodes adds a state: it reads ``edges_per_node`` different earlier states, each through an
    operation, and sums what comes. The cell gives the concatenation of all states that it adds.

    A row lists cell by cell and node by node the set of states that are read (its number among all sets
    in lexicographic order), then the operation on each, by ascending state: 24 genes for DARTS. Every row in
    range is valid. The text form is the genotype that DARTS prints, see
    :mod:`surrogate_nas.spaces.two_cell.genotype`; pairs are written by ascending state and read in either order.

    Two rows mean the same network if they agree after the nodes of each cell are renamed; concatenation
    in another order permutes channels and no more. The canonical row is the first by code. Rows that are not
    canonical are valid: twins can be trained separately. Identity operations are never contracted: in the
    reduction cell those that read the cell's inputs halve the resolution and have weights.

    One edit changes the operation on one edge, or the state that one edge reads.
    """

    genewise = False
    scope = "cell pair"

    def __init__(
        self,
        name: str,
        operations: Sequence[Operation],
        n_nodes: int,
        n_inputs: int = 2,
        edges_per_node: int = 2,
        *,
        skeleton: Skeleton,
        references: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a space of pairs of cells.

        Args:
            name: Name in the catalogue, or the user's own.
            operations: What an edge can carry; every edge carries one.
            n_nodes: Nodes that a cell adds.
            n_inputs: States that a cell is given.
            edges_per_node: Different states that each node reads.
            skeleton: What stands around the cells.
            references: Hand-made architectures by name, in text form.
        """
        self.name = name
        self.operations = tuple(operations)
        self.n_nodes, self.n_inputs, self.edges_per_node = n_nodes, n_inputs, edges_per_node
        self.skeleton = skeleton
        self.references = dict(references or {})
        self._check()
        self._form = Genotypes([op.name for op in self.operations], n_inputs, n_nodes, edges_per_node)
        sets = [comb(n_inputs + j, edges_per_node) for j in range(n_nodes)]
        self._node_sizes = [n * len(self.operations) ** edges_per_node for n in sets]
        self._cell_size = prod(self._node_sizes)
        if self._cell_size > MAX_CELL_CODES:
            raise InvalidInputError(
                f"space {name!r}: expected at most {MAX_CELL_CODES:,} different cells, got {self._cell_size:,}; "
                "take fewer operations or nodes"
            )
        genes = [[n, *[len(self.operations)] * edges_per_node] for n in sets]
        self.cardinalities = np.array([g for node in genes for g in node] * len(CELLS), dtype=np.int64)
        self.cardinalities.flags.writeable = False  # a space is shared by all who ask for it
        what = ["inputs", *(f"operation {e}" for e in range(edges_per_node))]
        self.gene_names = tuple(
            f"{cell} {n_inputs + j} {gene}" for cell in CELLS for j in range(n_nodes) for gene in what
        )
        self._graphs = CellGraphs(self.operations, self._form)
        self.vocabulary = self._graphs.vocabulary

    @property
    def size(self) -> int:
        """Number of rows."""
        return self._cell_size ** len(CELLS)

    def valid(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for each row whether it belongs to the space: whether its genes are in range; shape (n,)."""
        return self.in_range(X)

    def canonical(self, X: npt.ArrayLike) -> Rows:
        """Map each row to the first by code of all that differ from it in the names of nodes; shape (n, d).

        A row with a gene out of range maps to itself.
        """
        out = self.rows(X).copy()
        inside = self.in_range(out)
        inside_all = inside.all()
        digits = self._node_codes(out if inside_all else out[inside])
        best = np.full(digits.shape[1], np.iinfo(np.int64).max)
        for tables in self._renamings:
            code = tables[0][digits[0]]
            for table, digit in zip(tables[1:], digits[1:], strict=True):
                code += table[digit]
            np.minimum(best, code, out=best)
        rows = self._from_cell_codes(best)
        if inside_all:
            return rows
        out[inside] = rows
        return out

    def parse(self, texts: str | Sequence[str]) -> Rows:
        """Read genotypes; ``parse(format(X)) == X`` exactly."""
        return self._encode(*self._form.parse(texts_of(texts, self.name)))

    def format(self, X: npt.ArrayLike) -> list[str]:
        """Write rows as genotypes, the pairs of each node by ascending state."""
        return self._form.format(*self._decode(self._checked(X)))

    def from_config(self, configs: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Rows:
        """Read configurations of NAS-Bench-301; see :mod:`surrogate_nas.spaces.two_cell.config`.

        Args:
            configs: One or many mappings of names to values, with the benchmark's prefix or without.
        """
        return self._encode(*read_configs([configs] if isinstance(configs, Mapping) else list(configs), self._form))

    def to_config(self, x: npt.ArrayLike) -> dict[str, str]:
        """Write one row as a configuration of NAS-Bench-301.

        Args:
            x: A row, shape (d,) or (1, d).
        """
        ops, states = self._decode(self._checked(self.row(x)))
        return write_config(ops[0], states[0], self._form)

    def enumerate(self) -> Rows:
        """All rows by code; shape (size, d)."""
        if self.size > MAX_LISTED:
            raise self.too_large_to_list()
        return self.at(np.arange(self.size))

    def index(self, X: npt.ArrayLike) -> Positions:
        """Position of each row in the enumeration, -1 where it is not valid; shape (n,)."""
        rows, weights = self.rows(X), self._weights
        inside = self.in_range(rows)
        out = np.full(len(rows), -1, dtype=weights.dtype)
        out[inside] = rows[inside].astype(weights.dtype) @ weights
        return out

    def at(self, positions: npt.ArrayLike) -> Rows:
        """The rows at positions of the enumeration; shape (n, d)."""
        wanted = check_positions(positions, self.size)[:, None]
        return (wanted // self._weights % self.cardinalities).astype(np.int16)

    def _draw(self, n: int, rng: np.random.Generator) -> Rows:
        return rng.integers(0, self.cardinalities.astype(np.int16), size=(n, self.n_genes), dtype=np.int16)

    def distance(self, x: npt.ArrayLike, Y: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """How many edits lead from row ``x`` to each row of ``Y``; shape (n,)."""
        ops, states = self._decode(self._checked(self.row(x)))
        other_ops, other_states = self._decode(self._checked(Y))
        # The edges of a node have no names: the cheapest way to pair them is counted.
        pairings = [
            ((other_ops[..., p] != ops) * 1 + (other_states[..., p] != states)).sum(axis=-1)
            for p in map(list, permutations(range(self.edges_per_node)))
        ]
        return np.minimum.reduce(pairings).sum(axis=(1, 2), dtype=np.int64)

    def neighbors(self, x: npt.ArrayLike) -> Rows:
        """All rows with another operation on one edge, or with one edge that reads another state; shape (m, d)."""
        ops, states = self._decode(self._checked(self.row(x)))
        cell, node, edge, new = self._places(len(self.operations))
        other = new != ops[0, cell, node, edge]
        changed = np.repeat(ops, other.sum(), axis=0)
        changed[np.arange(len(changed)), cell[other], node[other], edge[other]] = new[other]
        found = [self._encode(changed, np.repeat(states, len(changed), axis=0))]
        cell, node, edge, new = self._places(self._form.n_states)
        free = (new < self.n_inputs + node) & (states[0, cell, node] != new[:, None]).all(axis=1)
        moved = np.repeat(states, free.sum(), axis=0)
        moved[np.arange(len(moved)), cell[free], node[free], edge[free]] = new[free]
        found.append(self._encode(np.repeat(ops, len(moved), axis=0), moved))
        return np.concatenate(found)

    def mutate(self, X: npt.ArrayLike, rng: RandomState) -> Rows:
        """Change one edge of each row: with equal chances its operation or the state that it reads.

        The edge is drawn uniformly over both cells, then the new value over all others, as regularised
        evolution does. Differs from [1] in never drawing the old value again.

        References:
            [1] E. Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019.
        """
        rng = as_generator(rng)
        ops, states = self._decode(self._checked(X))
        ops, states = ops.copy(), states.copy()
        n = len(ops)
        movable = [j for j in range(self.n_nodes) if self.n_inputs + j > self.edges_per_node]
        n_other = len(self.operations) - 1
        rewire = rng.random(n) < (0.5 if movable and n_other else float(bool(movable)))
        cell, edge = rng.integers(len(CELLS), size=n), rng.integers(self.edges_per_node, size=n)
        node = np.where(rewire, rng.choice(movable or [0], size=n), rng.integers(self.n_nodes, size=n))
        i = np.flatnonzero(rewire)
        at = (i, cell[i], node[i], edge[i])
        taken = (states[i, cell[i], node[i], :, None] == np.arange(self._form.n_states)).any(axis=1)
        free_first = np.argsort(taken, axis=1, kind="stable")  # states in order, those that are read already last
        choices = self.n_inputs + node[i] - self.edges_per_node
        states[at] = free_first[np.arange(len(i)), (rng.random(len(i)) * choices).astype(np.int64)]
        if n_other:
            i = np.flatnonzero(~rewire)
            at = (i, cell[i], node[i], edge[i])
            ops[at] = (ops[at] + rng.integers(1, n_other + 1, size=len(i))) % (n_other + 1)
        return self._encode(ops, states)

    def crossover(self, A: npt.ArrayLike, B: npt.ArrayLike, rng: RandomState) -> Rows:
        """Take each node, with what it reads and how, from one of two parents at random.

        Args:
            A: First parents, shape (n, d).
            B: Second parents, shape (n, d).
            rng: Random stream, or a seed.
        """
        a, b = self.parents(A, B)
        nodes = as_generator(rng).random((len(a), len(CELLS) * self.n_nodes)) < 0.5
        return np.where(np.repeat(nodes, 1 + self.edges_per_node, axis=1), a, b)

    def graphs(self, X: npt.ArrayLike) -> GraphBatch:
        """Rows as graphs: both cells side by side, between one input and one output.

        Per cell come the states that it is given, one graph node per operation, and one per added state, which
        reads its operations and feeds the output. An operation that reads an added state reads the operations
        of that state. The reduction cell has operations of its own in the vocabulary.
        """
        return self._graphs.build(*self._decode(self._checked(X)))

    def from_networkx(self, graphs: "Sequence[nx.DiGraph[Any]]") -> Rows:
        """Canonical rows of graphs as ``graphs(X).to_networkx()`` writes them, whatever their nodes are called.

        Raises:
            InvalidInputError: A graph is not the graph of two cells of this space.
        """
        batch = GraphBatch.from_networkx(graphs, self.vocabulary)
        found = [self._graphs.read(batch.ops[i], batch.adjacency[i]) for i in range(len(batch))]
        cells = np.zeros((2, len(found), len(CELLS), self.n_nodes, self.edges_per_node), dtype=np.int16)
        for i, read in enumerate(found):
            if read is None:
                raise InvalidInputError(
                    f"graph {i}: expected the graph of two cells of space {self.name!r}, got {graphs[i]} that none "
                    "have; build it like space.graphs(X).to_networkx()"
                )
            cells[:, i] = read
        return self.canonical(self._encode(*cells))

    def _check(self) -> None:
        check_names([op.name for op in self.operations], "'\"()[],|{}")
        for what, value, least, most in (
            ("n_inputs", self.n_inputs, 1, MAX_NODES),
            ("n_nodes", self.n_nodes, 1, MAX_NODES),
            ("edges_per_node", self.edges_per_node, 1, self.n_inputs),
        ):
            if not least <= value <= most:
                raise InvalidInputError(
                    f"{what}: expected {least} to {most}, got {value}; every node reads earlier states"
                )
        for op in self.operations:
            if op.kind in ("none", "input", "output", "state"):
                raise InvalidInputError(
                    f"operation {op.name!r}: expected one that every edge can carry, got kind {op.kind!r}; leave it out"
                )

    def _places(self, values: int) -> npt.NDArray[np.int64]:
        """Every (cell, node, edge, value), one per column."""
        return np.indices((len(CELLS), self.n_nodes, self.edges_per_node, values)).reshape(4, -1)

    def _checked(self, X: npt.ArrayLike) -> Rows:
        rows = self.rows(X)
        inside = self.in_range(rows)
        if not inside.all():
            raise InvalidInputError(
                f"X: expected genes from 0 to below space.cardinalities, got {rows[~inside][0].tolist()}"
            )
        return rows

    def _decode(self, rows: Rows) -> tuple[Indices, Indices]:
        """Operation on each edge and state that it reads, ascending per node; (n, cells, nodes, edges) each."""
        genes = rows.reshape(len(rows), len(CELLS), self.n_nodes, 1 + self.edges_per_node)
        return genes[..., 1:], self._sets[np.arange(self.n_nodes), genes[..., 0]]

    def _encode(self, ops: Indices, states: Indices) -> Rows:
        """Rows from the operation on each edge and the state that it reads, in any order."""
        order = np.argsort(states, axis=-1)
        bits = np.left_shift(1, states.astype(np.int64)).sum(axis=-1)
        sets = self._set_numbers[np.arange(self.n_nodes), bits]
        genes = np.concatenate([sets[..., None], np.take_along_axis(ops, order, axis=-1)], axis=-1)
        return genes.reshape(-1, self.n_genes).astype(np.int16)

    @cached_property
    def _sets(self) -> Indices:
        """States of each set that a node can read, int16 of shape (nodes, sets, edges); later nodes have more."""
        most = comb(self._form.n_states - 1, self.edges_per_node)
        sets = np.zeros((self.n_nodes, most, self.edges_per_node), dtype=np.int16)
        for j in range(self.n_nodes):
            found = list(combinations(range(self.n_inputs + j), self.edges_per_node))
            sets[j, : len(found)] = found
        return sets

    @cached_property
    def _set_numbers(self) -> Indices:
        """Number of each set among those of a node, by the set as bits; int16 of shape (nodes, 2 ** states)."""
        numbers = np.full((self.n_nodes, 2**self._form.n_states), -1, dtype=np.int16)
        for j in range(self.n_nodes):
            for i, chosen in enumerate(combinations(range(self.n_inputs + j), self.edges_per_node)):
                numbers[j, sum(1 << state for state in chosen)] = i
        return numbers

    @cached_property
    def _weights(self) -> npt.NDArray[Any]:
        """Weight of each gene in a row's position, as Python integers where 64 bits do not suffice."""
        if self.has_codes:
            return self.radix
        genes = self.cardinalities.tolist()
        return np.array([prod(genes[i + 1 :]) for i in range(len(genes))], dtype=object)

    def _node_codes(self, rows: Rows) -> Codes:
        """One number per node of each cell, shape (nodes, n * cells)."""
        genes = rows.reshape(len(rows) * len(CELLS), self.n_nodes, 1 + self.edges_per_node).astype(np.int32)
        code = genes[..., 0]
        for e in range(self.edges_per_node):
            code = code * len(self.operations) + genes[..., 1 + e]
        return np.ascontiguousarray(code.T)

    def _from_cell_codes(self, codes: Codes) -> Rows:
        """Rows from one number per cell, shape (n * cells,)."""
        genes = np.empty((len(codes), self.n_genes // len(CELLS)), dtype=np.int16)
        for gene in range(genes.shape[1] - 1, -1, -1):
            codes, genes[:, gene] = np.divmod(codes, self.cardinalities[gene])
        return genes.reshape(-1, self.n_genes)

    @cached_property
    def _renamings(self) -> list[list[Codes]]:
        """For each way to rename the nodes of a cell: what each node, by its number, adds to the code of the cell.

        A node that would come before one that it reads adds more than any cell has.
        """
        n_ops, e = len(self.operations), self.edges_per_node
        digits = np.array(list(product(range(n_ops), repeat=e)))
        powers = n_ops ** np.arange(e)[::-1]
        weights = [prod(self._node_sizes[j + 1 :]) for j in range(self.n_nodes)]
        ways = []
        for to in permutations(range(self.n_nodes)):
            tables = []
            for j, size in enumerate(self._node_sizes):
                table = np.full((size // n_ops**e, n_ops**e), self._cell_size, dtype=np.int64)
                for i, chosen in enumerate(combinations(range(self.n_inputs + j), e)):
                    named = [s if s < self.n_inputs else self.n_inputs + to[s - self.n_inputs] for s in chosen]
                    if max(named) < self.n_inputs + to[j]:
                        number = int(self._set_numbers[to[j], sum(1 << s for s in named)])
                        ops = digits[:, np.argsort(named)] @ powers
                        table[i] = (number * n_ops**e + ops) * weights[to[j]]
                tables.append(table.reshape(-1))
            ways.append(tables)
        return ways
