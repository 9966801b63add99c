"""Features that say where operations stand: at which depth, next to which others, at which end."""

from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.paths import Contracted
from surrogate_nas.spaces.base import SearchSpace


@final
class DepthFeatures(Encoder):
    """Counts of operations by depth, and of pairs of operations along edges.

    On the network without its identity operations: how many nodes of each operation lie d operations
    behind the input on the longest way (d = 0, 1, ...) and d before the output; how many edges lead from
    one operation to another, input and output included. Made for trees and chains of many different
    operations, where sets of operations say too little. Rows with one canonical form get equal features.

    Args:
        space: The space of the rows.
    """

    invariant = True

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        canonical = self.space.canonical(X)
        _, first, back = np.unique(self.space.keys(canonical), return_index=True, return_inverse=True)
        graphs = Contracted.of(coarse(self.space.graphs(canonical[first])))
        v, n = graphs.ops.shape
        vocabulary = len(graphs.vocabulary)
        behind, before = _depths(graphs)
        columns = np.arange(n)
        by_depth = np.zeros((v - 2, vocabulary, n), dtype=np.float32)
        by_height = np.zeros_like(by_depth)
        pairs = np.zeros((vocabulary, vocabulary, n), dtype=np.float32)
        for a in range(v):
            at = columns[graphs.kept[a] & (0 < a < v - 1)]
            by_depth[behind[a, at] - 1, graphs.ops[a, at], at] += 1
            by_height[before[a, at] - 1, graphs.ops[a, at], at] += 1
            for b in range(a + 1, v):
                at = columns[graphs.counts[a, b] > 0]
                pairs[graphs.ops[a, at], graphs.ops[b, at], at] += graphs.counts[a, b, at]
        rows = (by_depth.shape[0] * vocabulary, vocabulary * vocabulary)
        blocks = zip((by_depth, by_height, pairs), (rows[0], rows[0], rows[1]), strict=True)
        return np.concatenate([block.reshape(count, n) for block, count in blocks]).T[back]

    def _names(self) -> list[str]:
        graphs = coarse(self.space.graphs(self.space.sample(1, np.random.default_rng(0))))
        ops = [op.name for op in graphs.vocabulary]
        depths = range(graphs.ops.shape[1] - 2)
        return [
            *(f"{op} at depth {d}" for d in depths for op in ops),
            *(f"{op} at height {d}" for d in depths for op in ops),
            *(f"{a} -> {b}" for a in ops for b in ops),
        ]


def _depths(graphs: Contracted) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Edges on the longest way from the input to each node, and from each node to the output; (v, n)."""
    v, n = graphs.ops.shape
    behind = np.zeros((v, n), dtype=np.int64)
    before = np.zeros((v, n), dtype=np.int64)
    for b in range(1, v):
        for a in range(b):
            behind[b] = np.where(graphs.counts[a, b] > 0, np.maximum(behind[b], behind[a] + 1), behind[b])
    for a in range(v - 2, -1, -1):
        for b in range(a + 1, v):
            before[a] = np.where(graphs.counts[a, b] > 0, np.maximum(before[a], before[b] + 1), before[a])
    return behind, before
