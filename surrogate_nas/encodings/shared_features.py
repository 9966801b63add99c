"""Features that mean the same in every space, so that what is learned in one can be used in another."""

from functools import lru_cache
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.paths import Contracted, Floats, weigh, weight_type
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import Operation

#: Kinds of operation that compute something.
WORKING = ("convolution", "pooling", "linear", "graph", "activation", "normalisation", "dropout")

#: Traits that operations of several spaces may have in common.
TRAITS = (
    "attention", "depthwise", "dilated", "doubles_channels", "expansion", "grouped", "halves_resolution", "mean",
    "normalised", "reduction", "self_loops", "self_weights", "separable", "spectral", "sum", "width",
)  # fmt: skip

#: What is known of every operation, in the order of the columns.
ATTRIBUTES = (
    "working", *WORKING, "weighted", "kernel", "cost", "relative kernel", "relative cost", "rank of cost", *TRAITS
)  # fmt: skip

#: How an attribute of nodes becomes one of a network.
SUMMARIES = (
    "total", "mean", "most", "least", "signal", "first", "last", "place", "paths of", "paths without", "paths times"
)  # fmt: skip

#: What is known of a network besides its operations, in the order of the columns.
STRUCTURE = (
    "edges", "edges per node", "parallel nodes", "nodes per level", "paths", "input to output", "read input",
    "feed output", "identities", "signal", "signal past no weights",
)  # fmt: skip

#: Rows of the sample that quantiles are read from.
QUANTILE_ROWS = 1024

#: Values are compared in these steps, on which common fractions lie exactly: rounding errors must not break ties.
STEPS = 40_320


@final
class SharedFeatures(Encoder):
    """One description for the networks of all spaces: the same columns whatever the operations are called.

    Operations are known by their attributes x (:data:`ATTRIBUTES`: kind, weights, kernel, cost, the latter two also
    relative to the largest of the space, traits such as attention or width). For every attribute, on the network
    without its identity operations: the sum over its nodes and the mean; the largest and smallest sum on any path
    from input to output; the sum that a unit of signal meets on its way, as in ``paths.signal_flow``; the mean over
    the nodes that read the input and over those that feed the output; the mean of x times the node's place, from 0 at
    the input to 1 at the output, identities counted; the sum over all paths of the products of x, of 1 - x and of
    2**x over their nodes (x at most 1). Then the structure (:data:`STRUCTURE`): edges, levels, paths, degrees at both
    ends, signal. Sums and counts are given as log(1 + sum).

    Every column may come twice: as it is, and as the share of a fixed sample of the space that lies below it (ties
    count half), which makes a deep network of a shallow space comparable to a deep one of a deep space.
    Columns do not depend on the space, so that none is dropped. Rows with one canonical form get equal features.

    Args:
        space: The space of the rows.
        quantiles: Whether there are these shares; within one space they say nothing new.
    """

    invariant: ClassVar[bool] = True
    shared: ClassVar[bool] = True
    learned: ClassVar[tuple[str, ...]] = ("columns_", "sample_")

    def __init__(self, space: SearchSpace, *, quantiles: bool = True) -> None:
        self.space = space
        self.quantiles = quantiles

    def _learn(self, sample: npt.NDArray[np.int16]) -> None:
        self.sample_ = np.sort(np.rint(self._distinct(sample[:QUANTILE_ROWS]) * STEPS), axis=0)

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        plain = self._distinct(X)
        _, which = _attributes(self._no_graphs().vocabulary)
        n_distinct = which.max() + 1  # attributes that are one in this space are computed once
        columns = [which + i * n_distinct for i in range(len(SUMMARIES))]
        columns.append(len(SUMMARIES) * n_distinct + np.arange(len(STRUCTURE)))
        if self.quantiles:
            columns += [c + plain.shape[1] for c in columns]
            plain = np.concatenate([plain, _quantiles(np.rint(plain * STEPS), self.sample_)], axis=1)
        return plain.take(np.concatenate(columns), axis=1)

    def _names(self) -> list[str]:
        names = [f"{how} {what}" for how in SUMMARIES for what in ATTRIBUTES] + list(STRUCTURE)
        return names + [f"quantile of {name}" for name in names if self.quantiles]

    def _distinct(self, X: npt.NDArray[np.int16]) -> Features:
        """The columns as they are, once for each attribute that differs from the others in this space; (n, f)."""
        networks, back = self._networks(X)
        graphs = Contracted.of(networks)
        table, which = _attributes(networks.vocabulary)
        working, weighted = table[which[0]], table[which[ATTRIBUTES.index("weighted")]] > 0
        own = np.stack([table[:, ops] for ops in graphs.ops])

        total = own.sum(axis=0)
        most, least = _extremes(graphs, own)
        met, unweighted, mass = _signal(graphs, own, weighted)
        fresh, last = _idle_ways(graphs, working)
        first_of, last_of, placed = (_weighted_sum(w, own) for w in (fresh, last, _places(networks)))
        nodes, level = total[which[0]], most[:, which[0]]
        x = np.minimum(own, 1).astype(weight_type(len(own)))
        weights = [np.where(own[:, [which[0]]] > 0, w, x.dtype.type(1)) for w in (x, 1 - x, 2**x)]
        products = [np.log1p(weigh(graphs, list(w))) for w in weights]
        paths = weigh(graphs, list(np.ones_like(x[:, 0])))
        edges = graphs.counts.sum(axis=(0, 1), dtype=np.float32)
        identities = networks.mask.sum(axis=1) - graphs.kept.sum(axis=0)
        readers, feeders = first_of[which[0]], last_of[which[0]]
        summaries = [
            np.log1p(total), _share(total, nodes), np.log1p(most[-1]), np.log1p(least), _share(met, mass),
            _share(first_of, readers), _share(last_of, feeders), _share(placed, nodes), *products,
        ]  # fmt: skip
        structure = [
            np.log1p(edges), _share(edges, graphs.kept.sum(axis=0)), np.log1p(_level_sizes(graphs, working, level)),
            _share(nodes, level[-1]), np.log1p(paths), np.log1p(fresh[-1]), np.log1p(readers), np.log1p(feeders),
            np.log1p(identities), np.log1p(mass), _share(unweighted, mass),
        ]  # fmt: skip
        return np.concatenate([*summaries, np.stack(structure)]).astype(np.float32).T[back]


@lru_cache(maxsize=64)
def _attributes(vocabulary: tuple[Operation, ...]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Attributes of operations, those that differ: float32 of shape (distinct, vocabulary + 1), and which each one is.

    The last column is for nodes that are not there.
    """
    kernel, cost = (np.array([getattr(op, key) for op in vocabulary], dtype=float) for key in ("kernel", "cost"))
    costs = np.unique([op.cost for op in vocabulary if op.kind in WORKING])
    working = np.array([op.kind in WORKING for op in vocabulary])
    rows = [
        working,
        *([op.kind == kind for op in vocabulary] for kind in WORKING),
        [op.has_weights for op in vocabulary],
        np.log2(1 + kernel),
        np.log2(1 + cost),
        kernel / max(kernel.max(), 1),
        cost / max(cost.max(), 1),
        np.searchsorted(costs, cost) / max(len(costs) - 1, 1),
        *([dict(op.traits).get(trait, 0.0) for op in vocabulary] for trait in TRAITS),
    ]
    table = np.pad(np.array(rows, dtype=np.float32) * working, [(0, 0), (0, 1)])
    return np.unique(table, axis=0, return_inverse=True)


def _extremes(graphs: Contracted, own: Floats) -> tuple[Floats, Floats]:
    """Largest sum of ``own`` on a path to each node, (v, a, n), and smallest on one to the output, (a, n); else 0."""
    most, least = np.zeros_like(own), np.zeros_like(own)
    for b in range(1, len(own)):
        most[b], least[b] = -np.inf, np.inf
        for a in range(b):
            at = np.flatnonzero(graphs.counts[a, b])
            if len(at):
                most[b][:, at] = np.maximum(most[b][:, at], most[a][:, at])
                least[b][:, at] = np.minimum(least[b][:, at], least[a][:, at])
        most[b] += own[b]
        least[b] += own[b]
    return np.where(np.isfinite(most), most, 0), np.where(np.isfinite(least[-1]), least[-1], 0)


def _signal(graphs: Contracted, own: Floats, weighted: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Send a unit of signal through each network, as ``paths.signal_flow`` does it.

    Returns:
        The sum of ``own`` that the signal at the output has met times its mass, (a, n); how much of it passed no
        weights, and all of it, (n,) each.
    """
    v, a, n = own.shape
    state = np.zeros((v, a + 2, n), dtype=np.float32)  # sums; unweighted and whole mass
    state[0, -2:] = 1
    for node in range(1, v):
        arriving = state[node]
        for source in range(node):
            at = np.flatnonzero(graphs.counts[source, node])
            if len(at):
                arriving[:, at] += state[source][:, at] * graphs.counts[source, node, at].astype(np.float32)
        heavy = weighted[graphs.ops[node]]
        arriving /= np.where(heavy & (arriving[-1] > 0), arriving[-1], np.float32(1))
        arriving[:-2] += own[node] * arriving[-1]
        arriving[-2][heavy] = 0
    return state[-1, :-2], state[-1, -2], state[-1, -1]


def _idle_ways(graphs: Contracted, working: Floats) -> tuple[Floats, Floats]:
    """Number of ways from the input to each node, and from each to the output, that meet no working node between."""
    v, n = graphs.ops.shape
    idle = 1 - working[graphs.ops]
    fresh, last = np.zeros((v, n), dtype=np.float32), np.zeros((v, n), dtype=np.float32)
    fresh[0] = last[-1] = 1
    for b in range(1, v):
        for a in range(b):
            fresh[b] += fresh[a] * idle[a] * graphs.counts[a, b]
    for a in range(v - 2, -1, -1):
        for b in range(a + 1, v):
            last[a] += last[b] * idle[b] * graphs.counts[a, b]
    return fresh, last


def _places(networks: GraphBatch) -> Floats:
    """Place of each node on the longest way to it, as a share of the longest way to the output; shape (v, n)."""
    n, v = networks.ops.shape
    depth = np.zeros((v, n), dtype=np.float32)
    edges = np.ascontiguousarray(networks.adjacency.transpose(1, 2, 0))
    for b in range(1, v):
        for a in range(b):
            np.maximum(depth[b], (depth[a] + 1) * edges[a, b], out=depth[b])
    return depth / np.maximum(depth[-1], 1)


def _level_sizes(graphs: Contracted, working: Floats, level: Floats) -> Floats:
    """Largest number of working nodes on one level, shape (n,)."""
    v, n = level.shape
    node, graph = np.nonzero(working[graphs.ops])
    place = graph * v + level[node, graph].astype(np.int64)
    return np.bincount(place, minlength=n * v).reshape(n, v).max(axis=1).astype(np.float32)


def _weighted_sum(weights: Floats, own: Floats) -> Floats:
    """Sum over nodes of ``own`` times one weight per node; (a, n)."""
    return np.einsum("vn,van->an", weights, own)


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Quotient of two arrays, 0 where the divisor is not positive."""
    return np.divide(part, whole, out=np.zeros(part.shape, dtype=np.float32), where=whole > 0)


def _quantiles(values: Features, sample: Features) -> Features:
    """Share of the sorted sample below each value, ties half; shape (n, f)."""
    sides = [
        np.searchsorted(column, x, side=side) for column, x in zip(sample.T, values.T, strict=True)
        for side in ("left", "right")
    ]  # fmt: skip
    return (np.array(sides, dtype=np.float32).reshape(len(sample.T), 2, -1).sum(axis=1) / (2 * len(sample))).T
