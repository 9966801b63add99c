"""Where the nodes of a small directed acyclic graph go: layers from left to right, few crossings.

The classical layered drawing: nodes are put into columns by their longest path from the input, edges
that jump over columns get a lane of their own there, lanes and nodes are ordered within each column
by the mean place of what they are connected to, and then pulled level with it.

References:
    Sugiyama, Tagawa, Toda: Methods for visual understanding of hierarchical system structures.
    IEEE Transactions on Systems, Man, and Cybernetics 11 (1981), doi:10.1109/TSMC.1981.4308636
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

#: Rounds of ordering and of levelling: cells of ten nodes settle within a handful.
ROUNDS = 8

#: Orders that the search for few crossings starts from; it stops at the first that has none.
STARTS = 24


@dataclass(frozen=True)
class Layout:
    """Places of nodes and routes of edges, in units of columns (to the right) and node heights (down).

    Attributes:
        places: (column, height) of each node.
        routes: For each edge (a, b) the heights of its lanes in the columns strictly between a and b.
    """

    places: dict[int, tuple[int, float]]
    routes: dict[tuple[int, int], list[float]]


@dataclass
class _Points:
    """Nodes (non-negative) and lanes (negative) by column, and which are joined across neighbouring columns."""

    columns: list[list[int]]
    left: dict[int, list[int]] = field(default_factory=dict)
    right: dict[int, list[int]] = field(default_factory=dict)

    def join(self, a: int, b: int) -> None:
        self.right.setdefault(a, []).append(b)
        self.left.setdefault(b, []).append(a)


def layout(adjacency: npt.NDArray[np.bool_], mask: npt.NDArray[np.bool_]) -> Layout:
    """Place one graph.

    Args:
        adjacency: bool of shape (v, v), in topological order, input first and output last.
        mask: bool of shape (v,); which nodes exist.
    """
    edges = [(int(a), int(b)) for a, b in np.argwhere(adjacency)]
    column = _columns(edges, [int(v) for v in np.flatnonzero(mask)])
    points = _Points([[] for _ in range(max(column.values()) + 1)])
    for v, c in column.items():
        points.columns[c].append(v)
    lanes: dict[tuple[int, int], list[int]] = {}
    n_lanes = 0
    for a, b in edges:
        path = [a]
        for c in range(column[a] + 1, column[b]):
            n_lanes += 1
            path.append(-n_lanes)
            points.columns[c].append(-n_lanes)
        path.append(b)
        lanes[a, b] = path[1:-1]
        for p, q in zip(path, path[1:], strict=False):
            points.join(p, q)
    _order(points)
    heights = _level(points)
    return Layout(
        {v: (c, heights[v]) for v, c in column.items()}, {e: [heights[p] for p in path] for e, path in lanes.items()}
    )


def _columns(edges: list[tuple[int, int]], nodes: list[int]) -> dict[int, int]:
    """Longest path from the input; the output alone in the last column."""
    column = {v: 0 if v == nodes[0] else 1 for v in nodes}
    for a, b in edges:  # row by row: all edges into a node come before those out of it
        column[b] = max(column[b], column[a] + 1)
    column[nodes[-1]] = max(1, *(c + 1 for v, c in column.items() if v != nodes[-1]))
    return column


def _order(points: _Points) -> None:
    """Look for an order within the columns that has few crossings, from several starts."""
    rng = np.random.default_rng(0)  # the same picture every time
    best, fewest = points.columns, _crossings(points)
    for start in range(STARTS):
        if not fewest:
            break
        if start:
            points.columns = [[c[i] for i in rng.permutation(len(c))] for c in best]
        for turn in range(ROUNDS):
            _sort_columns(points, forth=turn % 2 == 0)
            crossings = _crossings(points)
            if crossings < fewest:
                best, fewest = [list(c) for c in points.columns], crossings
    points.columns = best


def _sort_columns(points: _Points, *, forth: bool) -> None:
    """Sort each column by the mean place of what its points are joined to in the column before."""
    sides = points.left if forth else points.right
    columns = points.columns if forth else points.columns[::-1]
    for fixed, moving in zip(columns, columns[1:], strict=False):
        place = {p: i for i, p in enumerate(fixed)}
        wanted = {p: float(i) for i, p in enumerate(moving)}
        wanted |= {p: float(np.mean([place[q] for q in sides[p]])) for p in moving if p in sides}
        moving.sort(key=wanted.__getitem__)


def _crossings(points: _Points) -> int:
    count = 0
    for a, b in zip(points.columns, points.columns[1:], strict=False):
        place = {p: i for i, p in enumerate(b)}
        ends = [place[q] for p in a for q in sorted(points.right.get(p, []), key=place.__getitem__)]
        count += sum(s > t for i, s in enumerate(ends) for t in ends[i + 1 :])
    return count


def _level(points: _Points) -> dict[int, float]:
    """Pull every point level with its neighbours, without changing the order or coming too close.

    Heights end on halves: what is almost level becomes level, and points a row apart stay a row apart.
    """
    heights = {p: i - (len(c) - 1) / 2 for c in points.columns for i, p in enumerate(c)}
    for turn in range(3 * ROUNDS):
        for c in points.columns if turn % 2 == 0 else points.columns[::-1]:
            wanted = []
            for p in c:
                near = points.left.get(p, []) + points.right.get(p, [])
                wanted.append(float(np.mean([heights[q] for q in near])) if near else heights[p])
            heights.update(zip(c, _spread(wanted), strict=True))
    snapped = {p: math.floor(2 * h + 0.5) / 2 for p, h in heights.items()}
    top = min(snapped.values())
    return {p: h - top for p, h in snapped.items()}


def _spread(wanted: list[float]) -> list[float]:
    """Heights nearest to ``wanted`` in squares, ascending by at least one (pooling of adjacent violators)."""
    offsets = np.arange(len(wanted), dtype=np.float64)
    pools: list[list[float]] = []
    for value in np.asarray(wanted) - offsets:
        pools.append([float(value)])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    return [float(m + o) for m, o in zip((np.mean(p) for p in pools for _ in p), offsets, strict=True)]
