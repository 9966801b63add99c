"""Features that say what a network can do: which operations lie on which paths, and how deep."""

from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.operation_sets import operation_sets
from surrogate_nas.encodings.paths import FACTORS, Contracted, path_statistics, path_weights, signal_flow
from surrogate_nas.spaces.base import SearchSpace

#: What is computed for every set of operations, in this order.
PER_SET = (
    "count", "shortest", "longest", "most", "least", "read input", "feed output", "paths",
    *(f"paths x{t:g}" for t in FACTORS),
)  # fmt: skip


@final
class GraphFeatures(Encoder):
    """Counts, path lengths, path numbers and degrees per set of operations, and the flow of signal.

    For every set S of operations (see ``operation_sets``), on the network without its identity
    operations: number of nodes in S; nodes on the shortest and longest input-output path within S (v - 1
    and 0 if there is none); largest and smallest number of S on any path; edges from the input into S and
    from S to the output; logarithm of 1 + the number of paths within S, and of 1 + the sum over paths of
    t to the number of S on it, for t = 0, 1/2, 2. Besides: edges, how much signal reaches the output
    past how many weighted operations, and which operations it passed.

    Operations of very large vocabularies are merged first, see :func:`coarse`. Rows with one canonical form get
    equal features: they are computed from that form.

    Args:
        space: The space of the rows.
        pairs: Whether large vocabularies (more than four operations) also give all pairs.

    References:
        G. Kadlecova et al., Surprisingly strong performance prediction with neural graph features,
        ICML 2024, arXiv:2404.16551: counts, path lengths and degrees per set of operations. Path
        numbers, weighted path sums and the flow of signal are ours, as is the formulation.
    """

    invariant: ClassVar[bool] = True

    def __init__(self, space: SearchSpace, *, pairs: bool = True) -> None:
        self.space = space
        self.pairs = pairs

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        networks, back = self._networks(X)
        graphs = Contracted.of(coarse(networks))
        sets, _ = operation_sets(graphs.vocabulary, pairs=self.pairs)
        return np.concatenate([_per_set(graphs, sets), _overall(graphs)]).T[back]

    def _names(self) -> list[str]:
        graphs = coarse(self._no_graphs())
        _, names = operation_sets(graphs.vocabulary, pairs=self.pairs)
        ops = [op.name for op in graphs.vocabulary]
        width = graphs.ops.shape[1]
        return [
            *(f"{what} {name}" for what in PER_SET for name in names),
            "edges", "input to output", "signal",
            *(f"signal past {d} weighted" for d in range(width - 1)),
            "signal depth",
            *(f"signal through {name}" for name in ops),
        ]  # fmt: skip


def _per_set(graphs: Contracted, sets: npt.NDArray[np.bool_]) -> Features:
    members = graphs.members(sets)
    found = path_statistics(graphs, members)
    v = len(members)
    count = members.sum(axis=0, dtype=np.int16)
    reads = (members * graphs.counts[0, :, None, :]).sum(axis=0, dtype=np.int16)
    feeds = (members * graphs.counts[:, -1, None, :]).sum(axis=0, dtype=np.int16)
    blocks = [
        count,
        np.where(found.shortest < 0, v - 1, found.shortest),
        np.maximum(found.longest, 0),
        found.most,
        found.least,
        reads,
        feeds,
        *(np.log1p(w) for w in path_weights(graphs, members)),
    ]
    return np.concatenate([block.astype(np.float32) for block in blocks])


def _overall(graphs: Contracted) -> Features:
    flow = signal_flow(graphs)
    edges = graphs.counts.sum(axis=(0, 1), dtype=np.int16)
    depth = (flow.depth * np.arange(len(flow.depth), dtype=np.float32)[:, None]).sum(axis=0)
    rows = [edges[None], graphs.counts[0, -1][None], np.log1p(flow.mass)[None], flow.depth, depth[None], flow.visits]
    return np.concatenate([row.astype(np.float32) for row in rows])
