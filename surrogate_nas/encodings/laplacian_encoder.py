"""Where operations stand in a network, as its spectrum tells it."""

from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.paths import Contracted, Floats
from surrogate_nas.spaces.base import SearchSpace

#: How long heat spreads: from hardly beyond the neighbours to the whole network.
TIMES = (0.5, 2.0, 8.0)

#: Eigenvalue of nodes that are not there: those of a normalised Laplacian go from 0 to 2.
ABSENT = 3.0

#: What is smaller is a zero with rounding errors, which a scaler would blow up.
ZERO = 1e-9


@final
class LaplacianEncoder(Encoder):
    """Eigenvalues of the Laplacian, and what its eigenvectors say about each operation whatever their signs.

    On the network without its identity operations, directions forgotten: the k smallest eigenvalues of the normalised
    Laplacian L past the first, which is 0 (3 where there are fewer nodes). The eigenvectors enter through exp(-tL),
    which depends on neither their signs nor the choice of a basis where eigenvalues coincide: heat that is put on a
    node and spreads for a time t. Per operation and t in :data:`TIMES`, summed over its nodes: the heat that a node
    keeps, the heat that comes from the input, and that from the output; the latter two say where along the network an
    operation stands. Rows with one canonical form get equal features.

    Args:
        space: The space of the rows.
        k: How many eigenvalues.

    References:
        V. P. Dwivedi, X. Bresson, A generalization of transformer networks to graphs, 2021, arXiv:2012.09699
        (eigenvectors as positions); J. Sun, M. Ovsjanikov, L. Guibas, A concise and provably informative multi-scale
        signature based on heat diffusion, SGP 2009 (what a node keeps).
    """

    invariant: ClassVar[bool] = True

    def __init__(self, space: SearchSpace, *, k: int = 8) -> None:
        self.space = space
        self.k = k

    def _learn(self, sample: npt.NDArray[np.int16]) -> None:
        self._check_count("k", 1)

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        networks, back = self._networks(X)
        graphs = Contracted.of(coarse(networks))
        n, vocabulary = len(networks), len(graphs.vocabulary)
        values, vectors = np.linalg.eigh(_laplacians(graphs))
        lowest = values[:, 1 : self.k + 1]
        blocks = [np.pad(lowest, [(0, 0), (0, self.k - lowest.shape[1])], constant_values=ABSENT)]
        node, graph = np.nonzero(graphs.kept)
        column = graph * vocabulary + graphs.ops[node, graph]
        for t in TIMES:
            spread = vectors * np.exp(-t * values)[:, None, :]
            heats = (spread * vectors).sum(axis=2), *((spread @ vectors[:, end, :, None])[:, :, 0] for end in (0, -1))
            for heat in heats:
                per_op = np.bincount(column, weights=heat[graph, node], minlength=n * vocabulary)
                blocks.append(per_op.reshape(n, vocabulary))
        out = np.concatenate(blocks, axis=1)
        return np.where(np.abs(out) < ZERO, 0, out).astype(np.float32)[back]

    def _names(self) -> list[str]:
        vocabulary = coarse(self._no_graphs()).vocabulary
        heats = ("kept by", "from the input at", "from the output at")
        return [f"eigenvalue {i}" for i in range(1, self.k + 1)] + [
            f"heat {heat} {op.name} after {t:g}" for t in TIMES for heat in heats for op in vocabulary
        ]


def _laplacians(graphs: Contracted) -> npt.NDArray[np.float64]:
    """Normalised Laplacians, shape (n, v, v); nodes that are not there are on their own, with eigenvalue 3."""
    one_way = graphs.counts.transpose(2, 0, 1).astype(np.float64)
    edges = one_way + one_way.transpose(0, 2, 1)
    degree = edges.sum(axis=2)
    scale: Floats = 1 / np.sqrt(np.maximum(degree, 1))
    own = np.where(graphs.kept.T, (degree > 0).astype(float), ABSENT)
    return np.eye(len(graphs.ops)) * own[:, None, :] - scale[:, :, None] * edges * scale[:, None, :]
