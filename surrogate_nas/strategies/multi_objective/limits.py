"""Limits on measured metrics: what is to be as good as possible, and what only has to be good enough."""

from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np

from surrogate_nas.core import Direction, InvalidInputError
from surrogate_nas.strategies.base import Floats


class Split(NamedTuple):
    """Scores of n architectures, told apart by what is asked of them.

    Attributes:
        wanted: What is maximised, shape (n, k); NaN in every column of a failed evaluation.
        spare: By how much each limit is kept, shape (n, m - k), as a share of it; negative where it is broken.
    """

    wanted: Floats
    spare: Floats

    @property
    def broken(self) -> Floats:
        """Sum over limits of how far each is broken, shape (n,); 0 where all are kept, NaN for failed ones."""
        return np.asarray(np.maximum(-self.spare, 0.0).sum(axis=1) + 0 * self.wanted[:, 0])


@final
class Limits:
    """Which of several metrics have a limit.

    Args:
        limits: One entry per metric, in its own unit; None for those that are to be as good as possible.
        directions: "min" for a limit from above, "max" for one from below; None takes "min" for every limit.

    Raises:
        InvalidInputError: Nothing is left to improve, a limit is not a number, or the lengths differ.
    """

    def __init__(self, limits: Sequence[float | None], directions: Sequence[Direction] | None = None) -> None:
        if all(limit is not None for limit in limits):
            raise InvalidInputError(f"limits: expected None for what is to be as good as possible, got {limits!r}")
        if not all(limit is None or np.isfinite(limit) for limit in limits):
            raise InvalidInputError(f"limits: expected finite numbers or None, got {limits!r}")
        if directions is not None and (len(directions) != len(limits) or not set(directions) <= {"max", "min"}):
            raise InvalidInputError(f"directions: expected 'max' or 'min' for each of the limits, got {directions!r}")
        self.m = len(limits)
        self.wanted = np.array([i for i, limit in enumerate(limits) if limit is None])
        self.limited = np.array([i for i, limit in enumerate(limits) if limit is not None], dtype=np.int64)
        signs = np.array([-1.0 if directions is None or directions[i] == "min" else 1.0 for i in self.limited])
        self.least = signs * np.array([limits[i] for i in self.limited], dtype=np.float64)  # of what is told: maximised
        self.unit = np.where(self.least == 0, 1.0, np.abs(self.least))

    def split(self, scores: Floats) -> Split:
        """Tell apart the columns of scores as a strategy is told them, (n, m), or (n,) for one.

        Raises:
            InvalidInputError: There is not one column per limit.
        """
        table = scores.reshape(len(scores), -1)
        if table.shape[1] != self.m:
            raise InvalidInputError(
                f"tell: expected {self.m} scores per architecture, one for each of limits, got {table.shape[1]}"
            )
        failed = np.asarray(np.isnan(table).any(axis=1))
        wanted = np.where(failed[:, None], np.nan, table[:, self.wanted])
        return Split(wanted, (table[:, self.limited] - self.least) / self.unit)
