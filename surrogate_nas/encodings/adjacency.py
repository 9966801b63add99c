"""The graph itself as numbers: which edges there are, which operation each node carries."""

from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.spaces.base import SearchSpace


@final
class AdjacencyEncoder(Encoder):
    """The upper triangle of the adjacency matrix, then one column per node and operation.

    Args:
        space: The space of the rows.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        graphs = self.space.graphs(X)
        n, width = graphs.ops.shape
        sources, targets = np.triu_indices(width, k=1)
        carried = graphs.ops[:, :, None] == np.arange(len(graphs.vocabulary), dtype=np.int16)
        return np.concatenate(
            [graphs.adjacency[:, sources, targets], carried.reshape(n, width * len(graphs.vocabulary))], axis=1
        ).astype(np.float32)

    def _names(self) -> list[str]:
        graphs = self._no_graphs()
        width = graphs.ops.shape[1]
        edges = [f"edge {a}->{b}" for a, b in zip(*np.triu_indices(width, k=1), strict=True)]
        return edges + [f"node {v}={op.name}" for v in range(width) for op in graphs.vocabulary]
