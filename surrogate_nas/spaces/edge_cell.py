"""Cells with operations on the edges of a complete directed acyclic graph."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import Rows
from surrogate_nas.spaces.cell_text import CellText, DigitText, NamedText
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.isomorphism import Hashes, network_hashes
from surrogate_nas.spaces.operations import INPUT, OUTPUT, Operation, strided
from surrogate_nas.spaces.skeleton import Skeleton
from surrogate_nas.spaces.tabulated import Codes, TabulatedSpace
from surrogate_nas.spaces.text import check_names, texts_of

if TYPE_CHECKING:  # a slow import that few callers need
    import networkx as nx

#: Rows whose graphs are held at once while the classes are computed.
CHUNK = 100_000


@final
class EdgeCellSpace(TabulatedSpace):
    """One operation on every edge (i, j), i < j, of a cell; each node sums what its edges bring.

    A row lists the operations by target node, then by source node: (0, 1); (0, 2), (1, 2); (0, 3) ...
    The text form is that of NAS-Bench-201, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``: one group per node
    after the input, and in it one ``op~source`` per earlier node; or, with ``digit_form``, that of
    TransNAS-Bench-101, ``64-41414-1_02_333``: the number of each edge's operation in a fixed text.

    Two rows mean the same network if they agree after edges that carry nothing from the input to the
    output are removed, identity edges are contracted, and nodes are renamed. The canonical row is the
    one with the fewest live edges among them, then the first by code. Every row is valid: twins can
    be trained separately.

    Where the skeleton also shrinks or widens *inside* cells (``strided_input``), the edges that leave the input
    do it, and an identity there is a projection with weights: it stays, and has an entry of its own in the
    vocabulary of graphs. Identities between later nodes are contracted all the same.
    """

    def __init__(
        self,
        name: str,
        operations: Sequence[Operation],
        n_nodes: int,
        skeleton: Skeleton,
        references: Mapping[str, str] | None = None,
        *,
        digit_form: str | None = None,
        strided_input: bool = False,
    ) -> None:
        """Describe a space of cells.

        Args:
            name: Name in the catalogue, or the user's own.
            operations: What an edge can carry; kind "none" removes it, kind "identity" passes on.
            n_nodes: Nodes of the cell, input and output included.
            skeleton: What stands around the cell.
            references: Hand-made architectures by name, in text form.
            digit_form: Text with ``{}`` for the digit of each edge, in the order of a row; None writes names.
            strided_input: Whether edges that leave the input change width or resolution in some of the cells.
        """
        self.operations = tuple(operations)
        self.n_nodes = n_nodes
        self.skeleton = skeleton
        self.references = dict(references or {})
        self.digit_form = digit_form
        self.strided_input = strided_input
        names = [op.name for op in self.operations]
        check_names(names, "|~+")
        if n_nodes < 2:
            raise InvalidInputError(
                f"n_nodes: expected an input and an output, so at least 2, got {n_nodes}; add nodes"
            )
        self.edges = tuple((i, j) for j in range(1, n_nodes) for i in range(j))
        self.gene_names = tuple(f"{i}->{j}" for i, j in self.edges)
        self._text: CellText = (
            NamedText(names, n_nodes) if digit_form is None else DigitText(digit_form, len(self.edges), len(names))
        )
        projections = [strided(op) for op in self.operations if op.kind == "identity"] if strided_input else []
        self.vocabulary = (INPUT, *self.operations, *projections, OUTPUT)
        super().__init__(name, [len(self.operations)] * len(self.edges))

    def parse(self, texts: str | Sequence[str]) -> Rows:
        """Read strings such as ``|op~0|+|op~0|op~1|``; ``parse(format(X)) == X`` exactly."""
        return self._text.parse(texts_of(texts, self.name))

    def format(self, X: npt.ArrayLike) -> list[str]:
        """Write rows as strings such as ``|op~0|+|op~0|op~1|``."""
        return self._text.format(self._checked(X))

    def live(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which edges carry something from the input to the output; bool of shape (n, edges)."""
        rows = self._checked(X)
        present = ~np.array([op.kind == "none" for op in self.operations])[rows]
        fed = np.zeros((len(rows), self.n_nodes), dtype=bool)
        used = fed.copy()
        fed[:, 0] = used[:, -1] = True
        for e, (i, j) in enumerate(self.edges):  # ordered by target: sources are settled first
            fed[:, j] |= fed[:, i] & present[:, e]
        for e, (i, j) in sorted(enumerate(self.edges), key=lambda item: -item[1][1]):
            used[:, i] |= used[:, j] & present[:, e]
        sources, targets = np.array(self.edges).T
        return present & fed[:, sources] & used[:, targets]

    def graphs(self, X: npt.ArrayLike) -> GraphBatch:
        """Rows as graphs with one node per edge of the cell; dead edges are masked.

        Node 0 is the input, node 1 + e stands for edge e of the cell, the last node is the output.
        """
        rows, live = self._checked(X), self.live(X)
        n, width = len(rows), len(self.edges) + 2
        ops = np.full((n, width), -1, dtype=np.int16)
        ops[:, 0], ops[:, -1] = 0, len(self.vocabulary) - 1
        ops[:, 1:-1] = np.where(live, self._labels[np.arange(len(self.edges)), rows], -1)
        wired = np.zeros((width, width), dtype=bool)
        for e, (i, j) in enumerate(self.edges, start=1):
            wired[0, e] = i == 0
            wired[e, -1] = j == self.n_nodes - 1
            for f, (k, _) in enumerate(self.edges, start=1):
                wired[e, f] = j == k
        mask = ops >= 0
        return GraphBatch(ops, wired & mask[:, :, None] & mask[:, None, :], mask, self.vocabulary)

    def from_networkx(self, graphs: "Sequence[nx.DiGraph[Any]]") -> Rows:
        """Canonical rows of graphs as ``graphs(X).to_networkx()`` writes them, whatever their nodes are called.

        Raises:
            InvalidInputError: A graph is not the graph of a cell of this space.
        """
        hashes, codes = self._classes
        wanted = network_hashes(GraphBatch.from_networkx(graphs, self.vocabulary))
        at = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
        for i in np.flatnonzero(hashes[at] != wanted)[:1]:
            raise InvalidInputError(
                f"graph {i}: expected the graph of a cell of space {self.name!r}, got {graphs[i]} that no cell has; "
                "build it like space.graphs(X).to_networkx()"
            )
        return self.from_codes(codes[at])

    def unique_strings(self, X: npt.ArrayLike) -> list[str]:
        """NAS-Bench-201's own ``unique string`` of each row: identity edges contracted in a nested expression.

        It does not tell one shared operation from two equal ones, so it merges networks of different
        sizes (6,466 strings for 15,625 rows). Offered for comparison with the benchmark; nothing here
        merges by it.
        """
        return [self._unique_string(row) for row in self._checked(X).tolist()]

    def _unique_string(self, row: list[int]) -> str:
        nodes = ["0"]
        genes = iter(row)
        for j in range(1, self.n_nodes):
            terms = []
            for source, op in zip(nodes, (self.operations[g] for g in (next(genes) for _ in range(j))), strict=True):
                if op.kind == "none" or source == "#":
                    terms.append("#")
                else:
                    terms.append(source if op.kind == "identity" else f"({source})@{op.name}")
            nodes.append("+".join(sorted(terms)))
        return nodes[-1]

    def _members(self) -> npt.NDArray[np.bool_]:
        return np.ones(self._total, dtype=bool)

    def _canonical_codes(self) -> Codes:
        hashes, codes = self._classes
        return codes[np.searchsorted(hashes, self._hashes)]

    @cached_property
    def _hashes(self) -> Hashes:
        out = np.empty(self._total, dtype=np.uint64)
        for start in range(0, self._total, CHUNK):
            codes = np.arange(start, min(start + CHUNK, self._total))
            out[codes] = network_hashes(self.graphs(self.from_codes(codes)))
        return out

    @cached_property
    def _classes(self) -> tuple[Hashes, Codes]:
        """Hash of each network, ascending, and the code of its canonical row."""
        codes = np.arange(self._total)
        n_live = np.concatenate(
            [self.live(self.from_codes(part)).sum(axis=1) for part in np.array_split(codes, 1 + self._total // CHUNK)]
        )
        order = np.lexsort((codes, n_live, self._hashes))
        hashes, first = np.unique(self._hashes[order], return_index=True)
        return hashes, order[first]

    def _checked(self, X: npt.ArrayLike) -> Rows:
        rows = self.rows(X)
        if not self.in_range(rows).all():
            raise InvalidInputError(
                f"X: expected genes from 0 to {len(self.operations) - 1}, got values from {rows.min()} to "
                f"{rows.max()}; see space.cardinalities"
            )
        return rows

    @cached_property
    def _labels(self) -> Rows:
        """Index into the vocabulary of each edge's operations, shape (edges, operations)."""
        place = {op.name: i for i, op in enumerate(self.vocabulary)}
        plain = [place[op.name] for op in self.operations]
        leaving = [place.get(strided(op).name, place[op.name]) for op in self.operations]  # some identities have one
        return np.array([plain if source else leaving for source, _ in self.edges], dtype=np.int16)
