"""What of an architecture carries over between tasks: which operation stands in which place of the graph.

Notation: n graphs of v nodes, o operations (those a node can carry), c contexts (places). A *group* counts, for every
context and operation, the nodes that carry this operation in this context; its columns are laid out context by
context, so that it is an array (n, c, o) and knowledge about operations ("these two do alike") can be told from
knowledge about places and shared between groups. One more group, *flow*, holds path statistics per operation, as
GraphFeatures computes them; *side* holds numbers that come with a row (zero-cost proxies ...), as normal scores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings import GraphFeatures
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.predictors.state import State
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.spaces.graph_batch import GraphBatch

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

#: Rows drawn once, with a fixed seed, to see which contexts occur and how columns are centred.
REFERENCE_ROWS = 8192

#: Wirings told apart; rarer ones share no context (a space may have thousands of them).
MAX_WIRINGS = 24

#: Larger vocabularies are merged: every operation gets columns in every place.
MAX_VOCABULARY = 24

#: Normal scores of side features are cut here: one far outside of what was seen says no more than the end.
FARTHEST = 4.0

#: A place seen in a smaller share of the space than this says nothing that transfers.
RARE = 1e-3


@dataclass(frozen=True)
class Group:
    """A block of columns.

    Attributes:
        name: What the contexts are.
        start: First column.
        contexts: Number of contexts c.
        operations: Number of operations o; 1 where the group is about places alone.
        varies: Whether the kernel gives it a variance; the others serve the models of the sources only.
    """

    name: str
    start: int
    contexts: int
    operations: int
    varies: bool

    @property
    def columns(self) -> slice:
        """Where the group's columns stand."""
        return slice(self.start, self.start + self.contexts * self.operations)


class TransferFeatures:
    """Counts of operations in contexts, centred over the space; float32 of shape (n, p).

    Args:
        space: The space of the rows.
        exact: Whether genes count as they stand: latency is that of the network as it is written, dead parts
            included. Otherwise rows that mean the same network have the same features.
        side: Side features (zero-cost proxies ...) that come with every row: the normal scores of each.
    """

    def __init__(self, space: SearchSpace, *, exact: bool = False, side: tuple[NormalScores, ...] = ()) -> None:
        self.space = space
        self.exact = exact
        self.side = side
        sample = space.sample(REFERENCE_ROWS, np.random.default_rng(0))
        batch = space.graphs(sample)
        wirings, counts = np.unique(_wiring_bits(batch.adjacency), axis=0, return_counts=True)
        self.wirings = wirings[np.sort(np.argsort(-counts, kind="stable")[:MAX_WIRINGS])]
        sizes, count = self._describe(batch, sample)
        self.kept = {name: np.arange(c) for name, (c, _) in sizes.items()}
        self._lay_out({name: o for name, (_, o) in sizes.items()})
        raw = count(self.groups, self.kept)
        for g in self.groups:
            share = (raw[:, g.columns].reshape(len(raw), g.contexts, -1) > 0).any(axis=2).mean(axis=0)
            self.kept[g.name] = np.flatnonzero(share > RARE)
        self._lay_out({g.name: g.operations for g in self.groups})
        self.encoder = GraphFeatures(space, pairs=False).fit()
        flow = self.encoder.transform(sample)
        self.kept |= {"side": np.arange(len(side)), "flow": np.arange(flow.shape[1])}
        self._lay_out({g.name: g.operations for g in self.groups} | ({"side": 1} if side else {}) | {"flow": 1})
        deviation = flow.std(axis=0, dtype=np.float64)
        # Paths come in many units; the counts of the other groups have one, and their sizes mean something.
        self.scale = np.where(deviation > 0, 1 / np.maximum(deviation, 1e-9), 0.0).astype(np.float32)
        raw = np.concatenate([count(self.groups[:-1], self.kept), flow * self.scale], axis=1)
        self.mean = raw.mean(axis=0, dtype=np.float64).astype(np.float32)

    @property
    def width(self) -> int:
        """Number of columns p."""
        return len(self.mean)

    @property
    def path_columns(self) -> slice:
        """Side features and path statistics, which stand last: what trees read."""
        return slice(self.groups[-1].columns.start - len(self.side), self.width)

    def transform(self, X: npt.ArrayLike, extra: Floats | None = None) -> Floats32:
        """Centred features of rows, float32 of shape (n, p).

        Args:
            X: Rows, (n, d).
            extra: Their side features, (n, e), NaN = not known; None where there are none.
        """
        rows = self.space.rows(X)
        _, count = self._describe(self.space.graphs(rows), rows)
        out = np.empty((len(rows), self.width), dtype=np.float32)
        if not len(out):
            return out
        flow = self.groups[-1].columns
        out[:, : flow.start] = count(self.groups[:-1], self.kept)
        np.multiply(self.encoder.transform(X), self.scale, out=out[:, flow])
        if extra is not None:
            for k, (scores, column) in enumerate(
                zip(self.side, extra.T, strict=True), start=flow.start - extra.shape[1]
            ):
                out[:, k] = np.clip(np.nan_to_num(scores.transform(column), nan=0.0), -FARTHEST, FARTHEST)
        out -= self.mean
        return out

    def get_state(self) -> State:
        """What has to be written down to give the same columns again."""
        arrays = {f"kept_{name}": kept for name, kept in self.kept.items()}
        sizes = {g.name: g.operations for g in self.groups}
        return State(
            values={"operations": sizes, "exact": self.exact, "side": len(self.side)},
            arrays={**arrays, "wirings": self.wirings, "mean": self.mean, "scale": self.scale},
            parts={"space": self.space, "encoder": self.encoder}
            | {f"side_{i}": scores for i, scores in enumerate(self.side)},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Inverse of :meth:`get_state`."""
        made = cls.__new__(cls)
        made.space, made.exact = state.parts["space"], bool(state.values["exact"])
        made.encoder = state.parts["encoder"]
        made.side = tuple(state.parts[f"side_{i}"] for i in range(int(state.values["side"])))
        made.wirings, made.mean, made.scale = (state.arrays[name] for name in ("wirings", "mean", "scale"))
        made.kept = {name: state.arrays[f"kept_{name}"] for name in state.values["operations"]}
        made._lay_out({name: int(o) for name, o in state.values["operations"].items()})
        return made

    def _lay_out(self, operations: dict[str, int]) -> None:
        groups, start = [], 0
        for name, o in operations.items():
            groups.append(Group(name, start, len(self.kept[name]), o, name in VARYING))
            start += groups[-1].contexts * o
        self.groups = tuple(groups)

    def _describe(self, batch: GraphBatch, genes: Rows) -> tuple[dict[str, tuple[int, int]], Callable[..., Floats32]]:
        """Contexts and operations per group, and the function that counts kept contexts into columns."""
        batch = coarse(batch, MAX_VOCABULARY)
        v = batch.ops.shape[1]
        inner = [i for i, op in enumerate(batch.vocabulary) if op.kind not in ("input", "output")]
        o, w = len(inner), len(self.wirings)
        names = np.full(len(batch.vocabulary) + 1, -1)
        names[inner] = np.arange(o)
        ops = names[np.where(batch.mask, batch.ops, -1)]
        wired = np.ascontiguousarray(batch.adjacency.transpose(1, 2, 0))
        depth, height = _depths(wired)
        wiring = self._which_wiring(batch.adjacency)
        node = np.arange(v)[None, :]
        places: dict[str, tuple[Ints, int]] = {
            "count": (np.zeros((1, v), dtype=np.int64), 1),
            "depth": (depth, v),
            "height": (height, v),
            "level": (depth * v + height, v * v),
            "node": (node, v),
            "leaf": (np.where(batch.adjacency[:, :, -1], 0, -1), 1),
            "wiring": (wiring[:, None] + 0 * node, w),
            "place": (np.where(wiring[:, None] >= 0, wiring[:, None] * v + node, -1), w * v),
        }
        pairs = {"edge": wired, "skip_edge": _two_steps(wired)}
        a, b = np.triu_indices(o)

        def count(groups: tuple[Group, ...], kept: dict[str, Ints]) -> Floats32:
            out = np.zeros((len(ops), sum(g.contexts * g.operations for g in groups)), dtype=np.float32)
            present, ends = np.zeros((2, len(ops), o), dtype=bool)
            for i in range(v):
                rows = np.flatnonzero(ops[:, i] >= 0)
                present[rows, ops[rows, i]] = True
                rows = rows[batch.adjacency[rows, i, -1]]
                ends[rows, ops[rows, i]] = True
            for g in groups:
                if g.name == "gene":
                    _count(out, g, kept[g.name], np.arange(genes.shape[1])[None], genes.shape[1], genes)
                elif g.name == "side":
                    continue  # `transform` knows them
                elif g.name in places:
                    _count(out, g, kept[g.name], *places[g.name], ops)
                elif g.name in pairs:
                    _count_pairs(out, g, kept[g.name], pairs[g.name], ops)
                elif g.name == "shape":
                    out[:, g.columns] = wiring[:, None] == kept[g.name]
                else:
                    there = present if g.name == "together" else ends
                    out[:, g.columns] = there[:, a[kept[g.name]]] & there[:, b[kept[g.name]]]
            return out

        sizes = {name: (c, o) for name, (_, c) in places.items()} | {name: (o, o) for name in pairs}
        sizes |= {"together": (len(a), 1), "leaves": (len(a), 1), "shape": (w, 1)}
        sizes |= {"gene": (genes.shape[1], int(self.space.cardinalities.max()))} if self.exact else {}
        # Groups that vary come last and together, so that kernels read one slice.
        return dict(sorted(sizes.items(), key=lambda item: item[0] in VARYING)), count

    def _which_wiring(self, adjacency: npt.NDArray[np.bool_]) -> Ints:
        bits = _wiring_bits(adjacency)
        out = np.full(len(bits), -1)
        for i, wiring in enumerate(self.wirings):
            out[(bits == wiring).all(axis=1)] = i
        return out


#: Groups to which the kernel gives a variance of their own; the others' effects are small or already in these.
VARYING = ("count", "height", "level", "node", "edge", "skip_edge", "wiring", "shape", "gene", "side", "flow")


def _wiring_bits(adjacency: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    n, v, _ = adjacency.shape
    return np.packbits(adjacency.reshape(n, v * v), axis=1)


def _depths(wired: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Longest path from the input to each node and from each node to the output, (n, v) each.

    Args:
        wired: Adjacency with the batch last, bool of shape (v, v, n): contiguous per pair of nodes.
    """
    v, _, n = wired.shape
    depth, height = np.zeros((v, n), dtype=np.int64), np.zeros((v, n), dtype=np.int64)
    for b in range(1, v):
        for a in range(b):
            np.maximum(depth[b], wired[a, b] * (depth[a] + 1), out=depth[b])
    for a in range(v - 2, -1, -1):
        for b in range(a + 1, v):
            np.maximum(height[a], wired[a, b] * (height[b] + 1), out=height[a])
    return depth.T, height.T


def _two_steps(wired: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pairs of nodes with a third one between them; same layout."""
    v = len(wired)
    out = np.zeros_like(wired)
    for a in range(v):
        for m in range(a + 1, v):
            for b in range(m + 1, v):
                out[a, b] |= wired[a, m] & wired[m, b]
    return out


def _count(
    out: Floats32, group: Group, kept: Ints, context: Ints, contexts: int, ops: npt.NDArray[np.integer[Any]]
) -> None:
    """Add nodes per kept context and operation to the group's columns; -1 is no context."""
    column = np.full(contexts + 1, -1)
    column[kept] = group.start + np.arange(len(kept)) * group.operations
    start = np.broadcast_to(column[context], ops.shape)
    for i in range(ops.shape[1]):
        rows = np.flatnonzero((ops[:, i] >= 0) & (start[:, i] >= 0))
        out[rows, start[rows, i] + ops[rows, i]] += 1


def _count_pairs(out: Floats32, group: Group, kept: Ints, linked: npt.NDArray[np.bool_], ops: Ints) -> None:
    """Add linked pairs of nodes per pair of operations; the first operation stands for the context."""
    column = np.full(group.operations + 1, -1)
    column[kept] = group.start + np.arange(len(kept)) * group.operations
    start = column[ops]
    v = len(linked)
    for a in range(v):
        for b in range(a + 1, v):
            rows = np.flatnonzero(linked[a, b])
            rows = rows[(start[rows, a] >= 0) & (ops[rows, b] >= 0)]
            out[rows, start[rows, a] + ops[rows, b]] += 1
