"""What a search found, in the order in which the strategy was told."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.pareto import pareto_mask
from surrogate_nas.experiments.objectives import Objective
from surrogate_nas.spaces.base import Rows

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SearchResult:
    """What a search evaluated, in the order told.

    Attributes:
        objective: What was searched on.
        X: Rows, shape (n, d).
        scores: In the metric's own unit, shape (n,), or (n, m) for m metrics; NaN = failed.
        cost_s: Seconds per evaluation, shape (n,); NaN = not known.
        worker: Which worker evaluated it, from 0, shape (n,).
        elapsed_s: When it was finished, in seconds of evaluation since the search began, shape (n,): all workers
            begin at 0, and a cost that is not known counts as none.
        epochs: Training length per evaluation where the strategy chose it, shape (n,), else None.
    """

    objective: Objective
    X: Rows
    scores: Floats
    cost_s: Floats
    worker: Ints
    elapsed_s: Floats
    epochs: Ints | None = None

    @property
    def best(self) -> npt.NDArray[np.int16]:
        """Row of the best score found, shape (d,); the first one where several are equal.

        Where the strategy chose how long to train, only the longest trainings are compared.

        Raises:
            InvalidInputError: No evaluation succeeded, or there are several metrics (see :attr:`pareto`).
        """
        return self.X[self._last]

    @property
    def best_score(self) -> float:
        """The score of :attr:`best`.

        Raises:
            InvalidInputError: No evaluation succeeded, or there are several metrics.
        """
        return float(self.scores[self._last])

    @cached_property
    def incumbents(self) -> Ints:
        """Position of the best architecture so far after each evaluation, shape (n,); -1 before the first success.

        Where the strategy chose how long to train, it is the best among the longest trainings so far.

        Raises:
            InvalidInputError: There are several metrics.
        """
        gains = self._gains
        if self.epochs is not None:
            gains = _longest_first(gains, self.epochs)
        record = np.maximum.accumulate(np.concatenate([[-np.inf], gains]))
        better = gains > record[:-1]
        return np.maximum.accumulate(np.where(better, np.arange(len(gains)), -1))

    @cached_property
    def pareto(self) -> Ints:
        """Positions of the evaluations that no other one beats in every metric, ascending.

        Where the strategy chose how long to train, only the longest trainings are compared.
        """
        signs = self.objective.signs
        costs = -signs * self.scores.reshape(-1, len(signs))
        if self.epochs is not None and len(self.epochs):
            ok = ~np.isnan(costs).any(axis=1)
            costs = np.where((ok & (self.epochs == self.epochs[ok].max(initial=0)))[:, None], costs, np.nan)
        return np.flatnonzero(pareto_mask(costs))

    @property
    def history(self) -> "pd.DataFrame":
        """One row per evaluation: step (from 1), architecture, scores, cost_s, worker, elapsed_s, epochs if varied.

        One metric stands in ``score``, with the ``best`` so far beside it; several in columns of their names.
        """
        import pandas as pd

        names = self.objective.metrics
        scores = (
            {"score": self.scores, "best": _at(self.scores, self.incumbents)}
            if len(names) == 1
            else dict(zip(names, self.scores.T, strict=True))
        )
        columns = {
            "step": np.arange(1, len(self.X) + 1),
            "architecture": self.objective.space.format(self.X),
            **scores,
            "cost_s": self.cost_s,
            "worker": self.worker,
            "elapsed_s": self.elapsed_s,
        }
        return pd.DataFrame(columns if self.epochs is None else {**columns, "epochs": self.epochs})

    def regret(self, split: str = "val") -> Floats:
        """What the incumbent still lacks after each evaluation, in the metric's unit, never negative on its own split.

        On the split that was searched on: best known score - incumbent's. On "test": best test score in
        the table - test score of the incumbent, which was chosen without it. Always of the objective's own
        schedule, also where the incumbent was trained for a shorter time.

        Args:
            split: Which scores to compare.

        Returns:
            Shape (n,); NaN before the first success, and where the incumbent was not measured on the split.

        Raises:
            InvalidInputError: The objective does not know all results, or has several metrics.
        """
        incumbents = self.incumbents
        values, best = self.objective.truth(self.X, split)
        return np.asarray(self.objective.signs[0] * (best - _at(values, incumbents)))

    @property
    def _gains(self) -> Floats:
        """Scores where higher is better, -inf for failures."""
        if len(self.objective.metrics) > 1:
            raise InvalidInputError(
                f"best and regret: expected one metric, got {', '.join(self.objective.metrics)}; result.pareto has the "
                "positions of the best compromises"
            )
        return np.where(np.isnan(self.scores), -np.inf, self.objective.signs[0] * self.scores)

    @property
    def _last(self) -> int:
        if not len(self.X) or self.incumbents[-1] < 0:
            raise InvalidInputError(
                f"best: expected at least one evaluation that succeeded, got {len(self.X)} that failed; "
                "see result.history"
            )
        return int(self.incumbents[-1])


def _longest_first(gains: Floats, epochs: Ints) -> Floats:
    """Numbers that order evaluations by epochs first, then by gain; equal ones stay equal, failures -inf."""
    keys = np.stack([epochs.astype(np.float64), gains], axis=1)
    _, rank = np.unique(keys, axis=0, return_inverse=True)
    return np.where(np.isneginf(gains), -np.inf, rank.ravel())


def _at(values: Floats, positions: Ints) -> Floats:
    """``values[positions]``, NaN where the position is negative."""
    return np.where(positions < 0, np.nan, values[positions])
