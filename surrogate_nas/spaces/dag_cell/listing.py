"""All cells of a space: every wiring that no other order of its nodes precedes, with every labelling of that kind.

A labelling of a wiring is equal to another one only by an order of its nodes that leaves the wiring as it is, an
automorphism. So the labellings of a wiring that differ are counted by Burnside's lemma (the mean over automorphisms
of the number of labellings that each leaves as they are), and listed by trying all of them.
"""

import itertools
import math

import numpy as np

from surrogate_nas.spaces.dag_cell.isomorphism import CHUNK, Codes, Labels, Orders, Wired, features, widened

#: Wirings that are tried when cells are listed: any with seven nodes, up to nine edges with eight.
MAX_WIRINGS = 2**20


def canonical_wirings(orders: Orders, n_nodes: int, max_edges: int) -> Wired:
    """The canonical wiring of each class of cells with ``n_nodes`` nodes.

    Args:
        orders: Of the largest cells of the space, whose places the result has.
        n_nodes: Nodes of the cells, input and output included.
        max_edges: Most edges.
    """
    wired = widened(connected_dags(n_nodes, max_edges), orders.n_nodes)
    # Edges weigh more than labels: with the same label everywhere only the wirings compete.
    labels = np.repeat(_labellings(orders, n_nodes, 1), len(wired), axis=0)
    return wired[orders.largest_codes(wired, labels) == orders.codes(wired, labels)]


def count_labelled(orders: Orders, wired: Wired, n_nodes: int, n_labels: int) -> int:
    """Number of cells with these canonical wirings of ``n_nodes`` nodes, up to isomorphism."""
    labels = np.repeat(_labellings(orders, n_nodes, 1), len(wired), axis=0)
    free = slice(n_nodes - 1, -1)
    kept = (orders.places[:, free] == orders.places[0, free]).all(axis=1)  # free places are no nodes
    fixed = np.array([n_labels ** _cycles(places[: n_nodes - 1].tolist()) for places in orders.places[kept]])
    codes = features(wired, labels) @ orders.weights[:, kept]
    automorphisms = codes == codes[:, :1]
    return int(((automorphisms @ fixed) // automorphisms.sum(axis=1)).sum())


def labelled_codes(orders: Orders, wired: Wired, n_nodes: int, n_labels: int) -> Codes:
    """Codes of all canonical cells with these canonical wirings of ``n_nodes`` nodes."""
    labels = _labellings(orders, n_nodes, n_labels)
    found = [np.empty(0, dtype=np.int64)]  # so few edges may be allowed that there is no such wiring
    step = max(1, CHUNK // len(labels))
    for start in range(0, len(wired), step):
        some = wired[start : start + step]
        all_wired, all_labels = np.repeat(some, len(labels), axis=0), np.tile(labels, (len(some), 1))
        codes = orders.codes(all_wired, all_labels)
        found.append(codes[codes == orders.largest_codes(all_wired, all_labels)])
    return np.concatenate(found)


def _labellings(orders: Orders, n_nodes: int, n_labels: int) -> Labels:
    """Every way to label the inner nodes of cells with ``n_nodes`` nodes."""
    ways = list(itertools.product(range(1, n_labels + 1), repeat=n_nodes - 2))
    out = np.zeros((len(ways), orders.n_nodes - 2), dtype=np.int16)
    out[:, : n_nodes - 2] = np.array(ways, dtype=np.int16).reshape(len(ways), -1)
    return out


def _cycles(places: list[int]) -> int:
    """Cycles of a permutation of 1, 2, ..., its place 0 left out."""
    seen: set[int] = set()
    cycles = 0
    for start in range(1, len(places)):
        cycles += start not in seen
        while start not in seen:
            seen.add(start)
            start = places[start]
    return cycles


def count_wirings(n_nodes: int, max_edges: int) -> int:
    """In how many ways each node but the first can read some earlier ones, with at most ``max_edges`` edges."""
    ways = [1]  # by number of edges
    for b in range(1, n_nodes):
        longer = [0] * (len(ways) + b)
        for edges, reads in itertools.product(range(len(ways)), range(1, b + 1)):
            longer[edges + reads] += ways[edges] * math.comb(b, reads)
        ways = longer
    return sum(ways[: max_edges + 1])


def connected_dags(n_nodes: int, max_edges: int) -> Wired:
    """All graphs with edges to later nodes in which every node is on a path from the first to the last.

    Grown node by node: what each node reads is a set of earlier nodes that is not empty, and the last one
    must leave no node unread.

    Args:
        n_nodes: Nodes, first and last included.
        max_edges: Most edges.

    Returns:
        bool of shape (graphs, n_nodes, n_nodes).
    """
    size_of = np.array([bin(s).count("1") for s in range(2 ** (n_nodes - 1))], dtype=np.int16)
    reads = np.zeros((1, 1), dtype=np.int16)  # bit a of column b: node b reads node a
    for b in range(1, n_nodes):
        choices = np.arange(1, 2**b, dtype=np.int16)
        longer = np.tile(choices, len(reads))[:, None]
        reads = np.concatenate([np.repeat(reads, len(choices), axis=0), longer], axis=1)
        still_to_come = n_nodes - 1 - b
        reads = reads[size_of[reads].sum(axis=1) + still_to_come <= max_edges]
    reads = reads[np.bitwise_or.reduce(reads, axis=1) == 2 ** (n_nodes - 1) - 1]
    return (reads[:, None, :] >> np.arange(n_nodes, dtype=np.int16)[:, None] & 1).astype(bool)
