"""Small changes of labelled directed acyclic graphs, and how many of them lie between two graphs.

One edit of a cell is one of these, each undone by another of them:

* one node gets another label;
* one edge is added, or removed where every node stays on a path from input to output;
* one node is added together with one edge into it and one edge out of it, or such a node is removed.

Batches of cells are pairs (wired, labels) as in ``dag_isomorphism``; nodes need not be in topological order here.
"""

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.dag_cell.isomorphism import CHUNK, Labels, Orders, Wired

Owners = npt.NDArray[np.intp]


def edited(wired: Wired, labels: Labels, n_labels: int) -> tuple[Owners, Wired, Labels]:
    """Every edit of every cell, also those that lead out of the space (too many edges, a cycle, a loose end).

    Args:
        wired: Edges, no loose ends.
        labels: Labels of inner nodes from 1 to ``n_labels``, 0 = no node.
        n_labels: How many labels there are.

    Returns:
        For each edit the position of its cell in the batch, and the cell it leads to.
    """
    n, v, _ = wired.shape
    exists = np.ones((n, v), dtype=bool)
    exists[:, 1:-1] = labels > 0
    source, target = np.array([(a, b) for a in range(v - 1) for b in range(1, v) if a != b]).T
    pairs = exists[:, source] & exists[:, target]
    values = np.arange(1, n_labels + 1)

    owner, pair = np.nonzero(pairs)
    toggled = _Copies(wired, labels, owner)
    toggled.wired[toggled.all, source[pair], target[pair]] ^= True

    owner, place, value = np.nonzero((labels[:, :, None] > 0) & (labels[:, :, None] != values))
    relabelled = _Copies(wired, labels, owner)
    relabelled.labels[relabelled.all, place] = values[value]

    room = (labels == 0).any(axis=1)
    owner, pair, value = np.nonzero((pairs & room[:, None])[:, :, None] & np.ones(n_labels, dtype=bool))
    grown = _Copies(wired, labels, owner)
    free = (labels == 0).argmax(axis=1)[owner] if v > 2 else owner
    grown.labels[grown.all, free] = values[value]
    grown.wired[grown.all, source[pair], free + 1] = True
    grown.wired[grown.all, free + 1, target[pair]] = True

    owner, place = np.nonzero((wired.sum(axis=1) == 1)[:, 1:-1] & (wired.sum(axis=2) == 1)[:, 1:-1])
    shrunk = _Copies(wired, labels, owner)
    shrunk.labels[shrunk.all, place] = 0
    shrunk.wired[shrunk.all, place + 1, :] = False
    shrunk.wired[shrunk.all, :, place + 1] = False

    kinds = (toggled, relabelled, grown, shrunk)
    return (
        np.concatenate([k.owner for k in kinds]),
        np.concatenate([k.wired for k in kinds]),
        np.concatenate([k.labels for k in kinds]),
    )


class _Copies:
    """Copies of cells, one for each edit of one kind."""

    def __init__(self, wired: Wired, labels: Labels, owner: Owners) -> None:
        self.owner, self.wired, self.labels = owner, wired[owner], labels[owner]
        self.all = np.arange(len(owner))


def edit_distances(orders: Orders, wired: Wired, labels: Labels) -> npt.NDArray[np.int64]:
    """Edits between the first cell and each cell of the batch, in the cheapest matching of their nodes; shape (n,).

    All nodes of the smaller cell are matched with nodes of the larger one. A matching costs one for each matched
    node of another label and for each edge between matched nodes (or input and output) that only one cell has;
    u nodes left over with e edges come or go with two edges each, so they cost u + |e - 2 u|. The distance is 0
    if and only if the cells are isomorphic and 1 if and only if they are one edit apart. It is symmetric; beyond
    1 it estimates the length of the shortest way, on which every cell would have to be valid.

    Args:
        orders: Of cells with that many nodes.
        wired: Edges, no loose ends; nodes that do not exist come last.
        labels: Labels of inner nodes, 0 = no node.
    """
    v = wired.shape[1]
    inverse = np.argsort(orders.places, axis=1)
    moved = wired[0][inverse[:, :, None], inverse[:, None, :]]  # the first cell in every order
    moved_labels = labels[0][inverse[:, 1:-1] - 1]
    counts = (labels > 0).sum(axis=1)
    out = np.empty(len(wired), dtype=np.int64)
    for count in np.unique(counts):  # cells with equally many nodes share what can be matched
        matched = np.ones((len(moved), v), dtype=bool)
        matched[:, 1:-1] = (moved_labels > 0) & (np.arange(v - 2) < count)
        full = matched[:, 1:-1].sum(axis=1) == min(count, counts[0])
        between = (matched[full, :, None] & matched[full, None, :]).reshape(-1, v * v)
        mine = moved[full].reshape(-1, v * v)
        mine_between = mine & between
        extra = abs(int(count) - int(counts[0]))
        members = np.flatnonzero(counts == count)
        for start in range(0, len(members), CHUNK):
            part = members[start : start + CHUNK]
            theirs = wired[part].reshape(len(part), -1).astype(np.float64)
            theirs_between = theirs @ between.T
            differing = mine_between.sum(axis=1) + theirs_between - 2 * (theirs @ mine_between.T)
            left = (mine.sum(axis=1) - mine_between.sum(axis=1)) + (theirs.sum(axis=1)[:, None] - theirs_between)
            renamed = ((labels[part][:, None, :] != moved_labels[full]) & matched[full, 1:-1]).sum(axis=2)
            out[part] = (renamed + differing + extra + np.abs(left - 2 * extra)).min(axis=1)
    return out
