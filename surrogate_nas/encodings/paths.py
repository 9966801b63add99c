"""Path statistics of a whole batch of graphs at once, for many sets of operations at once.

Notation: n graphs of v nodes in topological order, node 0 the input, node v-1 the output; s sets of
operations. Identity operations are replaced by edges, which may then be parallel, so ``counts`` says
how many edges there are between two nodes. Arrays are laid out (s, n) per node, so that every step is
one pass over contiguous memory; the loops run over pairs of nodes, never over graphs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import Operation

Bytes = npt.NDArray[np.int8]
Counts = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float32]

#: Parallel edges are counted up to here.
MOST_EDGES = 100

#: Longest graph whose weights of paths are counted in single precision.
MAX_DOUBLINGS = 40

#: Factors by which the operations of a set multiply a path's weight: none of them, few, many.
FACTORS = (0.0, 0.5, 2.0)


@dataclass(frozen=True)
class Contracted:
    """n networks without their identity operations.

    Attributes:
        ops: Index into ``vocabulary`` per node, int16 of shape (v, n); -1 where there is no node.
        counts: Number of edges from node a to node b, int8 of shape (v, v, n).
        kept: Which nodes are there, bool of shape (v, n).
        vocabulary: What ``ops`` indexes.
    """

    ops: npt.NDArray[np.int16]
    counts: Bytes
    kept: npt.NDArray[np.bool_]
    vocabulary: tuple[Operation, ...]

    @classmethod
    def of(cls, batch: GraphBatch) -> "Contracted":
        """Contract the graphs of a batch, as ``isomorphism.without_identities`` does it, in small integers.

        For large graphs this is what takes most of the time: one byte per edge in place of eight, and nodes
        before graphs, so that each step is one pass over contiguous memory.
        """
        ops, kept = np.ascontiguousarray(batch.ops.T), np.ascontiguousarray(batch.mask.T)
        counts = batch.adjacency.view(np.int8).transpose(1, 2, 0).copy(order="C")  # a copy also of a single graph
        identity = np.append([op.kind == "identity" for op in batch.vocabulary], False)[ops] & kept
        for node in np.flatnonzero(identity.any(axis=1)):
            gone = identity[node]
            readers = np.flatnonzero(counts[node].any(axis=1))
            for a in np.flatnonzero(counts[:, node].any(axis=1)):
                passed = (counts[a, node] * gone).astype(np.int16)
                for b in readers:
                    counts[a, b] = np.minimum(counts[a, b] + passed * counts[node, b], MOST_EDGES)
                counts[a, node][gone] = 0
            for b in readers:
                counts[node, b][gone] = 0
        kept = kept & ~identity
        return cls(np.where(kept, ops, np.int16(-1)), counts, kept, batch.vocabulary)

    @property
    def passing(self) -> npt.NDArray[np.bool_]:
        """Which nodes only stand for a value: paths within any set of operations lead through them; (v, n)."""
        return np.append([op.kind == "state" for op in self.vocabulary], False)[self.ops]

    def members(self, sets: npt.NDArray[np.bool_]) -> Bytes:
        """Tell which nodes carry an operation of which set.

        Args:
            sets: bool of shape (s, vocabulary).

        Returns:
            0 or 1, int8 of shape (v, s, n).
        """
        table = np.concatenate([sets, np.zeros((len(sets), 1), dtype=bool)], axis=1).astype(np.int8)  # ops -1: none
        return np.stack([table[:, ops] for ops in self.ops])


@dataclass(frozen=True)
class PathStatistics:
    """Per set of operations and graph, small integers of shape (s, n) each; -1 where no such path exists.

    Attributes:
        shortest: Nodes on the shortest input-output path all of whose nodes are in the set.
        longest: The same for the longest path.
        most: Largest number of nodes of the set on any input-output path.
        least: Smallest number of nodes of the set on any input-output path.
    """

    shortest: Counts
    longest: Counts
    most: Counts
    least: Counts


def path_statistics(graphs: Contracted, members: Bytes) -> PathStatistics:
    """Follow all paths from the input to the output, by dynamic programming over the node order.

    Args:
        graphs: n networks of v nodes.
        members: As ``graphs.members`` gives it.
    """
    v, s, n = members.shape
    end, passing = v - 1, graphs.passing
    # Stands for "no path" while lengths are added up: twice as much still fits, and real lengths stay below half of it.
    far = np.int8(60) if v <= 30 else np.int16(4 * v)
    counted, zero = far.dtype, far.dtype.type(0)
    start = np.zeros((s, n), dtype=counted)
    # Per node: shortest and longest path within the set, least and most of the set on any path.
    # Lengths of longest paths are kept negated, so that every step is a minimum.
    known = [[start] for _ in range(4)]
    for b in range(1, v):
        best = [np.full((s, n), far) for _ in range(4)]
        for a in range(b):
            edge = graphs.counts[a, b] > 0
            if not edge.any():
                continue
            block = np.where(edge, zero, far)
            for values, reached in zip(best, known, strict=True):
                np.minimum(values, reached[a] + block, out=values)
        own = members[b].astype(counted)
        outside = np.zeros_like(own) if b == end else np.where((own > 0) | passing[b], zero, far)
        for values, reached, step in zip(best, known, (own, -own, own, -own), strict=True):
            values += step
            if reached is known[0] or reached is known[1]:
                values += outside
            reached.append(np.minimum(values, far))
    shortest, longest, least, most = (reached[end] for reached in known)
    return PathStatistics(
        *(_lengths(x, sign, far) for x, sign in ((shortest, 1), (longest, -1), (most, -1), (least, 1)))
    )


def _lengths(x: Counts, sign: int, far: np.integer[Any]) -> Counts:
    return np.where(x > far // 2, -1, sign * x).astype(x.dtype)


def path_weights(graphs: Contracted, members: Bytes) -> list[Floats]:
    """Sum over all input-output paths of a weight: a product over the nodes of the path.

    Args:
        graphs: n networks of v nodes.
        members: As ``graphs.members`` gives it.

    Returns:
        Arrays of shape (s, n): the number of paths within the set; then, for each factor t of
        :data:`FACTORS`, the sum of t to the number of nodes of the set on the path.
    """
    floating = weight_type(len(members))
    passing = graphs.passing
    within = [((members[b] > 0) | passing[b]).astype(floating) for b in range(len(members))]
    powers = [[np.where(members[b] > 0, floating(t), floating(1)) for b in range(len(members))] for t in FACTORS]
    return [weigh(graphs, weights) for weights in (within, *powers)]


def weight_type(v: int) -> type[np.floating[Any]]:
    """Weights of paths may double with every node: graphs of some hundred nodes need the wider exponent.

    Args:
        v: Nodes of a graph.
    """
    return np.float32 if v <= MAX_DOUBLINGS else np.float64


def weigh(graphs: Contracted, weights: list[Floats]) -> Floats:
    """Sum over all input-output paths of the product of the weights of their nodes.

    Args:
        graphs: n networks of v nodes.
        weights: One array per node, shape (..., n) each.
    """
    end = len(weights) - 1
    known = [np.ones_like(weights[0])]
    for b in range(1, end + 1):
        total = np.zeros_like(weights[b])
        for a in range(b):
            count = graphs.counts[a, b]
            if count.any():
                total += known[a] * count.astype(total.dtype)
        known.append(total if b == end else total * weights[b])
    return known[end]


@dataclass(frozen=True)
class Flow:
    """Where the signal that reaches the output comes from, if weighted operations rescale it to one.

    Attributes:
        mass: How many times a unit signal reaches the output, shape (n,).
        depth: Share of the signal that passed d weighted operations, shape (v - 1, n).
        visits: Operations of each kind that a unit of signal passed on average, shape (vocabulary, n).
    """

    mass: Floats
    depth: Floats
    visits: Floats


def signal_flow(graphs: Contracted) -> Flow:
    """Send a unit of signal through each network.

    Sums add up; an operation with weights brings its input back to a unit, because its weights and the
    normalisation that goes with them set the scale of what it gives; others pass the signal on.

    Args:
        graphs: n networks of v nodes.
    """
    v, n = graphs.ops.shape
    weighted = np.append([op.has_weights for op in graphs.vocabulary], False)
    columns = len(graphs.vocabulary)
    state = np.zeros((v, v - 1 + columns, n), dtype=np.float32)  # per node: mass by depth, then visits
    state[0, 0] = 1.0
    for b in range(1, v):
        incoming = np.zeros_like(state[b])
        for a in range(b):
            count = graphs.counts[a, b]
            if count.any():
                incoming += state[a] * count.astype(np.float32)
        if b == v - 1:
            state[b] = incoming
            break
        heavy = weighted[graphs.ops[b]]
        mass = incoming[: v - 1].sum(axis=0)
        scaled = incoming / np.where(heavy & (mass > 0), mass, 1.0).astype(np.float32)
        deeper = np.concatenate([np.zeros((1, n), dtype=np.float32), scaled[: v - 2]])
        state[b, : v - 1] = np.where(heavy, deeper, scaled[: v - 1])
        state[b, v - 1 :] = scaled[v - 1 :]
        at = np.flatnonzero(graphs.kept[b])
        state[b, v - 1 + graphs.ops[b, at], at] += state[b, : v - 1, at].sum(axis=1)
    mass = state[-1, : v - 1].sum(axis=0)
    share = state[-1] / np.where(mass > 0, mass, 1.0).astype(np.float32)
    return Flow(mass, share[: v - 1], share[v - 1 :])
