"""Files that list one architecture several times."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.base import Rows, SearchSpace


class Repeats(NamedTuple):
    """Which entries mean the same architecture.

    Attributes:
        X: The different rows, in order of appearance, shape (m, d).
        row: For each entry its place in ``X``, shape (n,).
    """

    X: Rows
    row: npt.NDArray[np.int64]


def find_repeats(space: SearchSpace, X: Rows) -> Repeats:
    """Group entries by their rows.

    Args:
        space: Space of the rows.
        X: One row per entry, shape (n, d).
    """
    _, first, inverse = np.unique(space.keys(X), return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return Repeats(X[first[order]], place[inverse.reshape(-1)])
