"""Two cells as one labelled graph, and back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import INPUT, OUTPUT, Operation, strided
from surrogate_nas.spaces.two_cell.genotype import CELLS, Genotypes, Indices

#: Operations and the states that they read: per cell, per node, per edge.
Edges = tuple[list[list[list[int]]], list[list[list[int]]]]


@final
class CellGraphs:
    """Graphs of two cells side by side, between one input and one output.

    Per cell come the states that it is given, one graph node per operation, and one per added state, which
    reads its operations and feeds the output. An operation that reads an added state reads the operations of
    that state. Without the added states a graph would not say which operations are summed before they are
    concatenated.

    Attributes:
        vocabulary: Operations of the graphs. The reduction cell has its own, and an identity that reads a state
            which the reduction cell is given is a strided convolution there.

    Args:
        operations: Operations of the space.
        form: Which cells there are.
    """

    def __init__(self, operations: Sequence[Operation], form: Genotypes) -> None:
        self.form = form
        given = [Operation(f"c_{{k-{form.n_inputs - i}}}", "state") for i in range(form.n_inputs)]
        normal = [*given, Operation("sum", "state"), *operations]
        reduction = [_reducing(op) for op in normal]
        halving = [_reducing(strided(op) if op.kind == "identity" else op) for op in operations]
        self.vocabulary = (INPUT, *dict.fromkeys([*normal, *reduction, *halving]), OUTPUT)
        names = [op.name for op in self.vocabulary]
        if len(set(names)) < len(names):
            raise InvalidInputError(
                f"operations: expected other names than {', '.join(op.name for op in normal[: form.n_inputs + 1])} "
                "and different ones, got one twice; rename it"
            )
        label = {op: i for i, op in enumerate(self.vocabulary)}
        states = form.n_inputs + 1
        # Per cell: labels of the states that it is given, and of sums.
        self._states = np.array([[label[op] for op in cell[:states]] for cell in (normal, reduction)], dtype=np.int16)
        # Per cell: label of each operation where it reads an added state, and where it reads a given one.
        own = [[label[op] for op in cell[states:]] for cell in (normal, reduction)]
        self._ops = np.array([[own[0], own[0]], [own[1], [label[op] for op in halving]]], dtype=np.int16)

    def build(self, ops: Indices, states: Indices) -> GraphBatch:
        """Graphs of cells.

        Args:
            ops: Index of each operation, shape (n, cells, nodes, edges).
            states: Number of the state that each reads, same shape.
        """
        form, n = self.form, len(ops)
        n_edges = form.n_pairs
        per_cell = form.n_inputs + n_edges + form.n_nodes
        width = len(CELLS) * per_cell + 2
        labels = np.zeros((n, width), dtype=np.int16)
        labels[:, -1] = len(self.vocabulary) - 1
        wired = np.zeros((n, width, width), dtype=bool)
        for c in range(len(CELLS)):
            given = 1 + c * per_cell
            first_op = given + form.n_inputs
            sums = slice(first_op + n_edges, first_op + n_edges + form.n_nodes)
            labels[:, given:first_op] = self._states[c, :-1]
            labels[:, sums] = self._states[c, -1]
            wired[:, 0, given:first_op] = True
            wired[:, sums, -1] = True
            for place in range(n_edges):
                j, e = divmod(place, form.edges_per_node)
                here, op, read = first_op + place, ops[:, c, j, e], states[:, c, j, e]
                labels[:, here] = self._ops[c][(read < form.n_inputs).astype(np.intp), op]
                wired[:, here, sums.start + j] = True
                for state in range(form.n_inputs + j):
                    wired[:, self._sources(state, given), here] = (read == state)[:, None]
        return GraphBatch(labels, wired, np.ones((n, width), dtype=bool), self.vocabulary)

    def read(self, labels: npt.NDArray[np.int16], wired: npt.NDArray[np.bool_]) -> Edges | None:
        """Operations and states of one graph, or None if no cells have it.

        Args:
            labels: Index into the vocabulary per node, in topological order, shape (v,).
            wired: Its edges, shape (v, v).
        """
        order, ops, states = [0], [], []
        for c in range(len(CELLS)):
            found = self._read_cell(c, labels, wired)
            if found is None:
                return None
            order += found[0]
            ops.append(found[1])
            states.append(found[2])
        order.append(len(labels) - 1)
        # What was not looked at while reading is compared now.
        expected = self.build(np.array([ops]), np.array([states]))
        same = np.array_equal(labels[order], expected.ops[0])
        return (ops, states) if same and np.array_equal(wired[np.ix_(order, order)], expected.adjacency[0]) else None

    def _read_cell(
        self, c: int, labels: npt.NDArray[np.int16], wired: npt.NDArray[np.bool_]
    ) -> tuple[list[int], list[list[int]], list[list[int]]] | None:
        """Find one cell.

        Returns:
            Its graph nodes in the order of :meth:`build`, operation and state of each edge; None if it is not there.
        """
        given = [np.flatnonzero(labels == label).tolist() for label in self._states[c, :-1]]
        sums = np.flatnonzero(labels == self._states[c, -1]).tolist()
        members = {s: np.flatnonzero(wired[:, s]).tolist() for s in sums}
        if len(sums) != self.form.n_nodes or any(len(places) != 1 for places in given):
            return None
        for found in members.values():
            if len(found) != self.form.edges_per_node or not np.isin(labels[found], self._ops[c]).all():
                return None
        # A node that reads another one has an operation behind all of that one's.
        sums.sort(key=lambda s: max(members[s]))
        names = {frozenset(places): i for i, places in enumerate(given)}
        ops, states, order = [], [], [places[0] for places in given]
        for s in sums:
            reads = sorted((names.get(frozenset(np.flatnonzero(wired[:, m]).tolist()), -1), m) for m in members[s])
            if reads[0][0] < 0 or len({state for state, _ in reads}) < len(reads):
                return None
            states.append([state for state, _ in reads])
            ops.append([int((self._ops[c] == labels[m]).any(axis=0).argmax()) for _, m in reads])
            order += [m for _, m in reads]
            names[frozenset(members[s])] = len(names)
        return order + sums, ops, states

    def _sources(self, state: int, given: int) -> slice:
        """Graph nodes that are read by who reads a state, in a cell whose graph nodes start at ``given``."""
        form = self.form
        if state < form.n_inputs:
            return slice(given + state, given + state + 1)
        first = given + form.n_inputs + (state - form.n_inputs) * form.edges_per_node
        return slice(first, first + form.edges_per_node)


def _reducing(op: Operation) -> Operation:
    """An operation as it stands in the reduction cell."""
    return replace(op, name=f"reduce {op.name}", traits=(*op.traits, ("reduction", 1.0)))
