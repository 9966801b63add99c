"""Features that say where operations stand: at which depth, next to which others, at which end."""

from typing import ClassVar, final

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

    invariant: ClassVar[bool] = True

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        networks, back = self._networks(X)
        graphs = Contracted.of(coarse(networks))
        v, n = graphs.ops.shape
        vocabulary = len(graphs.vocabulary)
        behind, before = _depths(graphs)
        depths, edges = (v - 2) * vocabulary, vocabulary * vocabulary
        width = 2 * depths + edges
        out = np.zeros(n * width, dtype=np.float32)
        start = np.arange(n) * width  # where each graph's columns begin
        ops = graphs.ops.astype(np.int64)
        there: npt.NDArray[np.bool_] = np.any(graphs.counts != 0, axis=2)
        for a in range(v):
            if 0 < a < v - 1:
                at = np.flatnonzero(graphs.kept[a])
                out[start[at] + (behind[a, at] - 1) * vocabulary + ops[a, at]] += 1
                out[start[at] + depths + (before[a, at] - 1) * vocabulary + ops[a, at]] += 1
            for b in np.flatnonzero(there[a]):
                at = np.flatnonzero(graphs.counts[a, b])
                out[start[at] + 2 * depths + ops[a, at] * vocabulary + ops[b, at]] += graphs.counts[a, b, at]
        return out.reshape(n, width)[back]

    def _names(self) -> list[str]:
        graphs = coarse(self._no_graphs())
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
    behind, before = np.zeros((v, n), dtype=np.int16), np.zeros((v, n), dtype=np.int16)
    edge = graphs.counts > 0
    there: npt.NDArray[np.bool_] = np.any(edge, axis=2)
    for b in range(1, v):
        for a in np.flatnonzero(there[:, b]).tolist():
            np.maximum(behind[b], (behind[a] + 1) * edge[a, b], out=behind[b])
    for a in range(v - 2, -1, -1):
        for b in np.flatnonzero(there[a]).tolist():
            np.maximum(before[a], (before[b] + 1) * edge[a, b], out=before[a])
    return behind.astype(np.int64), before.astype(np.int64)
