"""Trainings that were done before a search, which need not be done again."""

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from surrogate_nas.spaces.base import Rows, SearchSpace
    from surrogate_nas.tables import Table


@final
@dataclass(frozen=True)
class Unknown:
    """A condition on rows: that none of them means a network which was measured.

    Attributes:
        space: The space of the rows.
        digest: Which rows were measured; what a run folder remembers.
        keys: Their keys, in canonical form.
    """

    space: "SearchSpace"
    digest: str
    keys: npt.NDArray[np.generic] = field(repr=False)

    def __call__(self, X: "Rows") -> npt.NDArray[np.bool_]:
        """Whether each row (n, d) is new, shape (n,)."""
        new: npt.NDArray[np.bool_] = ~np.isin(self.space.keys(self.space.canonical(X)), self.keys)
        return new


def unknown_to(table: "Table", task: str, space: "SearchSpace") -> Unknown | None:
    """The condition that a table's task makes; None where it has no such task, or is of another space.

    Args:
        table: Table of earlier trainings.
        task: The task that is searched.
        space: The space that is searched.
    """
    from surrogate_nas.experiments import mean_over_seeds

    if task not in table.tasks or table.space.name != space.name:
        return None
    X, _ = mean_over_seeds(table, task=task)
    keys = np.unique(space.keys(space.canonical(X)))
    return Unknown(space, hashlib.sha256(keys.tobytes()).hexdigest()[:16], keys)
