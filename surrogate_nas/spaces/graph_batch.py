"""A batch of architectures as padded arrays: the one graph form that encoders and graph networks read."""

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import Operation


@dataclass(frozen=True)
class GraphBatch:
    """n labelled directed acyclic graphs, operations on nodes, in topological order.

    Node 0 is the input and the last node the output. Nodes that an architecture does not use are
    masked, never removed, so that positions keep their meaning across the batch.

    Attributes:
        ops: Index into ``vocabulary`` per node, int16 of shape (n, v); -1 where masked.
        adjacency: bool of shape (n, v, v); [i, a, b] = an edge from node a to node b, a < b.
        mask: bool of shape (n, v); which nodes exist.
        vocabulary: The operations that ``ops`` index.
    """

    ops: npt.NDArray[np.int16]
    adjacency: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_]
    vocabulary: tuple[Operation, ...]

    def __post_init__(self) -> None:
        n, v = self.ops.shape
        if self.adjacency.shape != (n, v, v) or self.mask.shape != (n, v):
            raise InvalidInputError(
                f"GraphBatch: expected adjacency ({n}, {v}, {v}) and mask ({n}, {v}), "
                f"got {self.adjacency.shape} and {self.mask.shape}"
            )

    def __len__(self) -> int:
        return len(self.ops)

    def to_networkx(self) -> list[nx.DiGraph]:
        """One ``DiGraph`` per architecture; nodes carry ``op`` (the operation's name)."""
        graphs = []
        for ops, adjacency, mask in zip(self.ops, self.adjacency, self.mask, strict=True):
            graph = nx.DiGraph()
            graph.add_nodes_from((int(v), {"op": self.vocabulary[ops[v]].name}) for v in np.flatnonzero(mask))
            graph.add_edges_from((int(a), int(b)) for a, b in np.argwhere(adjacency))
            graphs.append(graph)
        return graphs

    @classmethod
    def from_networkx(cls, graphs: Sequence[nx.DiGraph], vocabulary: tuple[Operation, ...]) -> "GraphBatch":
        """Pack graphs whose nodes carry ``op``, in topological order, input first and output last.

        Raises:
            InvalidInputError: A graph has a cycle or an operation outside the vocabulary.
        """
        index = {op.name: i for i, op in enumerate(vocabulary)}
        width = max((len(g) for g in graphs), default=0)
        ops = np.full((len(graphs), width), -1, dtype=np.int16)
        adjacency = np.zeros((len(graphs), width, width), dtype=bool)
        for i, graph in enumerate(graphs):
            if not nx.is_directed_acyclic_graph(graph):
                raise InvalidInputError(f"graph {i}: expected a directed acyclic graph, got one with a cycle")
            order = list(nx.lexicographical_topological_sort(graph, key=lambda v, g=graph: _order(g, v)))
            place = {v: p if g_op != "output" else width - 1 for p, (v, g_op) in enumerate((v, graph.nodes[v].get("op")) for v in order)}
            for v, p in place.items():
                op = graph.nodes[v].get("op")
                if op not in index:
                    raise InvalidInputError(f"graph {i}, node {v!r}: expected op among {', '.join(index)}, got {op!r}")
                ops[i, p] = index[op]
            for a, b in graph.edges:
                adjacency[i, place[a], place[b]] = True
        return cls(ops, adjacency, ops >= 0, vocabulary)


def _order(graph: nx.DiGraph, v: object) -> str:
    # Ties in the topological order are broken by the output coming last, then by the node's own name.
    return ("1" if graph.nodes[v].get("op") == "output" else "0") + str(v).zfill(6)
