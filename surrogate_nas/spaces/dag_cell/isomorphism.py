"""Which labelled directed acyclic graphs are the same cell: exactly, by trying every order of their nodes at once.

A batch of cells is a pair of arrays: ``wired``, bool (n, v, v), [i, a, b] = an edge from node a to node b, and
``labels``, int16 (n, v - 2), the label of each inner node, counted from 1; 0 = there is no such node. Node 0
is the input and node v - 1 the output.

The code of a cell is a mixed-radix number: a weighted sum of its edges and labels. In another order of its nodes
the same edges and labels count with other weights, so one product of matrices gives the codes of a whole batch in
all (v - 2)! orders, and two cells are isomorphic if and only if the largest of these codes agree. An order in
which an edge would lead backwards weighs that edge so negatively that it never wins.
"""

import itertools

import numpy as np
import numpy.typing as npt

Wired = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int16]
Codes = npt.NDArray[np.int64]
Pairs = tuple[tuple[int, int], ...]

#: Cells whose codes in all orders are held at once: 8 MB for five inner nodes.
CHUNK = 8192

#: Above that the orders of a cell, (v - 2)!, get out of hand.
MAX_NODES = 8

#: Whole numbers up to here are exact in the floating point that products of matrices are fast in.
EXACT = 2**53


class Orders:
    """Every order of the inner nodes of cells with ``n_nodes`` nodes, and what it makes of a cell's code.

    Attributes:
        n_nodes: Nodes of the cells, input and output included.
        places: New place of each node in each order, the ends fixed; shape (orders, v).
        weights: float64 of shape (v * v + v - 2, orders): what each edge (row by row) and label adds to the code.
    """

    def __init__(self, n_nodes: int, edges: Pairs, radix: Codes) -> None:
        """Spread the weights of a code over all orders.

        Args:
            n_nodes: Nodes of the cells, input and output included.
            edges: The edges (a, b), a < b, that a code counts, in the order in which it counts them.
            radix: Weight of each edge, then of each inner node's label; all together below ``EXACT / len(edges)``.
        """
        self.n_nodes = n_nodes
        inner = range(1, n_nodes - 1)
        self.places = np.array([(0, *order, n_nodes - 1) for order in itertools.permutations(inner)], dtype=np.int64)
        backwards = -2 * int(radix[0])  # more than all weights of a code together
        weight = np.full((n_nodes, n_nodes), backwards, dtype=np.float64)
        for (a, b), value in zip(edges, radix.tolist(), strict=False):
            weight[a, b] = value
        of_edges = weight[self.places[:, :, None], self.places[:, None, :]].reshape(len(self.places), -1)
        of_labels = radix[len(edges) :][self.places[:, 1:-1] - 1]
        self.weights = np.concatenate([of_edges, of_labels], axis=1).T.copy()

    def codes(self, wired: Wired, labels: Labels) -> Codes:
        """The code of each cell as it stands; shape (n,)."""
        return (features(wired, labels) @ self.weights[:, 0]).astype(np.int64)  # the first order changes nothing

    def largest_codes(self, wired: Wired, labels: Labels) -> Codes:
        """The largest code of each cell over all orders of its nodes; negative where it has a cycle; shape (n,)."""
        out = np.empty(len(wired), dtype=np.int64)
        for start in range(0, len(wired), CHUNK):
            part = slice(start, start + CHUNK)
            out[part] = (features(wired[part], labels[part]) @ self.weights).max(axis=1)
        return out


def features(wired: Wired, labels: Labels) -> npt.NDArray[np.float64]:
    """Edges row by row and labels of each cell, side by side; shape (n, v * v + v - 2)."""
    return np.concatenate([wired.reshape(len(wired), wired.shape[1] ** 2), labels], axis=1, dtype=np.float64)


def pruned(wired: Wired, labels: Labels) -> tuple[Wired, Labels]:
    """Drop every node and edge that is on no path from input to output; nothing is left where there is no path.

    Args:
        wired: Edges to later nodes only.
        labels: 0 = no node, whatever edges say.
    """
    n, v, _ = wired.shape
    exists = np.ones((n, v), dtype=bool)
    exists[:, 1:-1] = labels > 0
    fed, used = np.zeros((n, v), dtype=bool), np.zeros((n, v), dtype=bool)
    fed[:, 0] = used[:, -1] = True
    for b in range(1, v):
        fed[:, b] = exists[:, b] & (wired[:, :, b] & fed).any(axis=1)
    for a in range(v - 2, -1, -1):
        used[:, a] = exists[:, a] & (wired[:, a, :] & used).any(axis=1)
    live = fed & used
    return wired & live[:, :, None] & live[:, None, :], labels * live[:, 1:-1]


def complete(wired: Wired, labels: Labels, max_edges: int) -> npt.NDArray[np.bool_]:
    """Tell which acyclic cells have every node on a path and at most ``max_edges`` edges; shape (n,)."""
    inner = labels > 0
    reads, is_read = np.logical_or.reduce(wired, axis=1), np.logical_or.reduce(wired, axis=2)
    on_path = (reads[:, 1:-1] == inner).all(axis=1) & (is_read[:, 1:-1] == inner).all(axis=1)
    return on_path & reads[:, -1] & is_read[:, 0] & (wired.sum(axis=(1, 2)) <= max_edges)


def widened(wired: Wired, n_nodes: int) -> Wired:
    """Give cells of fewer nodes the places of ``n_nodes``: the last node stays the last, places before it are free."""
    n, v, _ = wired.shape
    places = np.array([*range(v - 1), n_nodes - 1])
    out = np.zeros((n, n_nodes, n_nodes), dtype=bool)
    out[:, places[:, None], places] = wired
    return out
