"""Graphs with a vocabulary of a size that features can be computed for."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.operations import Operation

#: Vocabularies up to this size stay as they are: the number of features grows with its square.
MAX_VOCABULARY = 64


def coarse(graphs: GraphBatch, most: int = MAX_VOCABULARY) -> GraphBatch:
    """Take operations that differ only in their numbers for one, where there are too many to tell all apart.

    ``conv(16,3)`` and ``conv(64,5)`` both become ``conv``; what the numbers are, :class:`NumberFeatures` says.

    Args:
        graphs: Any graphs; those of a small vocabulary come back as they are.
        most: Largest vocabulary that is kept.
    """
    if len(graphs.vocabulary) <= most:
        return graphs
    vocabulary, place = _merged(graphs.vocabulary)
    return GraphBatch(np.append(place, np.int16(-1))[graphs.ops], graphs.adjacency, graphs.mask, vocabulary)


@lru_cache(maxsize=16)
def _merged(vocabulary: tuple[Operation, ...]) -> tuple[tuple[Operation, ...], npt.NDArray[np.int16]]:
    """The operations that are left, and which of them each one becomes."""
    found: dict[tuple[str, str], int] = {}
    merged: list[Operation] = []
    place = np.empty(len(vocabulary), dtype=np.int16)
    for i, op in enumerate(vocabulary):
        stem = op.name.partition("(")[0]
        if (stem, op.kind) not in found:
            found[stem, op.kind] = len(merged)
            merged.append(Operation(stem, op.kind, op.kernel, op.has_weights, float(op.has_weights)))
        place[i] = found[stem, op.kind]
    return tuple(merged), place
