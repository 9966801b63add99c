"""What a data set holds, as one short text: two data sets of one name need not be the same."""

import hashlib

import numpy as np

from surrogate_nas.training.datasets.array_data import ArrayDataset
from surrogate_nas.training.datasets.graph_data import GraphDataset

#: Characters of a digest: enough that no two data sets share one by chance.
_LENGTH = 16


def content_digest(data: ArrayDataset | GraphDataset) -> str:
    """A digest of samples, labels, edges, classes and splits.

    Args:
        data: The data set; its name and its recipe do not count.
    """
    digest = hashlib.sha256()
    arrays = [data.x, data.y, *(part for split in data.splits for part in split)]
    if isinstance(data, GraphDataset):
        arrays.append(data.edge_index)
    else:
        digest.update("\n".join(data.classes).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:_LENGTH]
