"""A batch of architectures as padded arrays: the one graph form that encoders and graph networks read."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.text import shorten

if TYPE_CHECKING:  # a slow import that few callers need
    import networkx as nx


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

    def to_networkx(self) -> "list[nx.DiGraph[int]]":
        """One ``DiGraph`` per architecture; nodes carry ``op`` (the operation's name)."""
        import networkx as nx

        graphs = []
        for ops, adjacency, mask in zip(self.ops, self.adjacency, self.mask, strict=True):
            graph: nx.DiGraph[int] = nx.DiGraph()
            graph.add_nodes_from((int(v), {"op": self.vocabulary[ops[v]].name}) for v in np.flatnonzero(mask))
            graph.add_edges_from((int(a), int(b)) for a, b in np.argwhere(adjacency))
            graphs.append(graph)
        return graphs

    @classmethod
    def from_networkx(cls, graphs: "Sequence[nx.DiGraph[Any]]", vocabulary: tuple[Operation, ...]) -> "GraphBatch":
        """Pack graphs whose nodes carry ``op``, in topological order, input first and output last.

        Raises:
            InvalidInputError: A graph has a cycle, an operation outside the vocabulary, or not exactly one
                input that reads nothing and one output that nothing reads.
        """
        orders = [_ordered(graph, f"graph {i}", vocabulary) for i, graph in enumerate(graphs)]
        index = {op.name: i for i, op in enumerate(vocabulary)}
        width = max((len(order) for order in orders), default=0)
        ops = np.full((len(orders), width), -1, dtype=np.int16)
        adjacency = np.zeros((len(orders), width, width), dtype=bool)
        for i, (graph, order) in enumerate(zip(graphs, orders, strict=True)):
            place = {v: p for p, v in enumerate(order[:-1])} | {order[-1]: width - 1}
            for v, p in place.items():
                ops[i, p] = index[graph.nodes[v]["op"]]
            for a, b in graph.edges:
                adjacency[i, place[a], place[b]] = True
        return cls(ops, adjacency, ops >= 0, vocabulary)


def _ordered(graph: object, what: str, vocabulary: tuple[Operation, ...]) -> list[Hashable]:
    """Check one graph and return its nodes: the input, the rest in topological order, the output."""
    import networkx as nx

    multigraph = isinstance(graph, nx.MultiDiGraph)
    if multigraph or not isinstance(graph, nx.DiGraph) or not nx.is_directed_acyclic_graph(graph):
        raise InvalidInputError(f"{what}: expected a networkx.DiGraph without cycles, got {shorten(str(graph))}")
    known = {op.name: op for op in vocabulary}
    ends: dict[str, list[Hashable]] = {"input": [], "output": []}
    for v in graph:
        op = graph.nodes[v].get("op")
        if op not in known:
            raise InvalidInputError(f"{what}, node {v!r}: expected op among {', '.join(known)}, got {shorten(op)}")
        if known[op].kind in ends:
            ends[known[op].kind].append(v)
    inputs, outputs = ends["input"], ends["output"]
    if len(inputs) != 1 or len(outputs) != 1 or graph.in_degree(inputs[0]) or graph.out_degree(outputs[0]):
        raise InvalidInputError(
            f"{what}: expected one input that reads nothing and one output that nothing reads, got {len(inputs)} "
            f"input(s) and {len(outputs)} output(s) in {graph}"
        )
    # Among nodes that are free to come next, the one with the smallest name: numbered nodes keep their order.
    order = nx.lexicographical_topological_sort(graph, key=lambda v: str(v).zfill(6))
    return [inputs[0], *(v for v in order if v not in (inputs[0], outputs[0])), outputs[0]]
