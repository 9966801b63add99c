"""Which graphs are the same network: hashes that no renaming of nodes changes.

An identity operation only passes on the sum of its inputs, so it is replaced by edges from each of
its inputs to each of its readers; parallel edges add up (x + x is not x). What remains are the
operations that compute something, each a node of its own because each has weights of its own.
Weisfeiler-Lehman refinement in both directions then gives every node a colour that depends on
everything it reads and everything that reads it, and the multiset of colours is hashed.

Equal networks always get equal hashes. The converse holds as far as refinement distinguishes the
graphs; for the cells of a space it is tested against exhaustive search for isomorphisms.
"""

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.graph_batch import GraphBatch

Hashes = npt.NDArray[np.uint64]

# Odd constants of splitmix64: any fixed mixing function does, this one is short and well studied.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_READS, _READ_BY = np.uint64(0xA5A5A5A5A5A5A5A5), np.uint64(0xC3C3C3C3C3C3C3C3)


def network_hashes(graphs: GraphBatch) -> Hashes:
    """Hash each graph so that graphs of the same network get the same number; uint64 of shape (n,).

    Args:
        graphs: Operations on nodes, in topological order; several edges into a node are summed.
    """
    counts, kept = without_identities(graphs)
    n, v = kept.shape
    colours = np.zeros((n, v), dtype=np.uint64)
    colours[kept] = _mix(graphs.ops[kept].astype(np.uint64) + np.uint64(1))
    edges = counts.astype(np.uint64)
    rounds = kept.sum(axis=1)  # longer than any path, and the same however wide the batch is padded
    for turn in range(v):
        read = np.einsum("nab,na->nb", edges, _mix(colours ^ _READS))
        read_by = np.einsum("nab,nb->na", edges, _mix(colours ^ _READ_BY))
        refined = _mix(colours + _mix(read) * _MIX_1 + _mix(read_by) * _MIX_2)
        colours = np.where(kept & (turn < rounds)[:, None], refined, colours)
    return _mix(colours).sum(axis=1, where=kept, dtype=np.uint64)


def without_identities(graphs: GraphBatch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Replace identity nodes by edges.

    Args:
        graphs: Operations on nodes, in topological order.

    Returns:
        How many edges lead from node a to node b, int64 of shape (n, v, v), and which nodes are left,
        bool of shape (n, v).
    """
    identity = np.append([op.kind == "identity" for op in graphs.vocabulary], False)[graphs.ops] & graphs.mask
    counts = graphs.adjacency.astype(np.int64)
    for node in range(counts.shape[1]):
        rows = identity[:, node]
        counts[rows] += counts[rows, :, node, None] * counts[rows, node, None, :]
        counts[rows, :, node] = 0
        counts[rows, node, :] = 0
    return counts, graphs.mask & ~identity


def _mix(x: Hashes) -> Hashes:
    x = x + _STEP
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))
