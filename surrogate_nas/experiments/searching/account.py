"""The one place where a search's budget is charged, and where it is said that a search may end early."""

import math
import sys
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.experiments.objectives import Evaluation, Objective
from surrogate_nas.experiments.objectives.base import Epochs, check_number


@dataclass(frozen=True)
class Stopping:
    """When a search ends, beside running out of architectures; see :func:`search`."""

    budget: int | None
    budget_s: float | None
    patience: int | None
    target: float | None

    def check(self, objective: Objective) -> None:
        """Raise an error for what cannot be, or cannot be told on this objective."""
        if self.budget is None and self.budget_s is None:
            raise InvalidInputError("budget and budget_s: expected a number of evaluations or of seconds, got neither")
        for name, value in (("budget", self.budget), ("patience", self.patience)):
            if value is not None:
                check_count(name, value)
        for name, seconds_or_score in (("budget_s", self.budget_s), ("target", self.target)):
            if seconds_or_score is not None:
                check_number(name, seconds_or_score)
        if self.budget_s is not None and not 0 < self.budget_s < math.inf:
            raise InvalidInputError(f"budget_s: expected a positive number of seconds, got {self.budget_s!r}")
        if self.budget_s is not None and not objective.timed:
            raise InvalidInputError(
                "budget_s: expected an objective that says what an evaluation costs, this table has no training times; "
                "name their metric: TableObjective(..., cost='seconds'), or a number of seconds per epoch"
            )
        if (self.patience is not None or self.target is not None) and len(objective.metrics) > 1:
            raise InvalidInputError(
                f"patience and target: expected an objective with one metric, got {', '.join(objective.metrics)}"
            )
        if self.target is not None and not math.isfinite(self.target):
            raise InvalidInputError(f"target: expected a finite score, got {self.target!r}")


def check_count(name: str, value: Any) -> None:
    """Raise an error unless a value is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidInputError(f"{name}: expected a whole number, got {value!r}")
    if value < 1:
        raise InvalidInputError(f"{name}: expected at least 1, got {value}")


@final
class Account:
    """What was spent.

    Args:
        objective: What is searched on.
        stopping: When the search ends.
        progress: Told after every evaluation.

    Attributes:
        spent: Evaluations that were told.
        stopped: Whether the target was reached or the patience is at its end.
    """

    def __init__(self, objective: Objective, stopping: Stopping, progress: Progress) -> None:
        self.spent = 0
        self.stopped = False
        self._stopping = stopping
        self._progress = progress
        self._silent = isinstance(progress, Silent)
        self._one_metric = len(objective.metrics) == 1
        self._sign = float(objective.signs[0])
        self._budget = sys.maxsize if stopping.budget is None else stopping.budget
        self._seconds = 0.0
        self._best = (-1, -math.inf)  # epochs, gain
        self._since = 0
        self._full = False
        patient = stopping.patience is not None or stopping.target is not None
        self._watches = self._one_metric and (patient or not self._silent)

    def left(self, pending: int = 0) -> int:
        """How many evaluations may begin while ``pending`` are under way."""
        if self.stopped or (self._stopping.budget_s is not None and self._seconds >= self._stopping.budget_s):
            return 0
        return max(0, self._budget - self.spent - pending)

    def charge(self, evaluation: Evaluation, epochs: Epochs | None) -> None:
        """Pay for evaluations that were told."""
        self.spent += len(evaluation.scores)
        if self._stopping.budget_s is not None:
            for cost in evaluation.cost_s.tolist():
                self._seconds += cost if cost == cost else 0.0  # NaN: not known
        if self._watches:
            lengths = [0] * len(evaluation.scores) if epochs is None else epochs.tolist()
            for length, score in zip(lengths, evaluation.scores.tolist(), strict=True):
                self._watch(length, self._sign * score)

    def show(self, finished: int = 0) -> None:
        """Tell the progress, with ``finished`` evaluations that were not told yet."""
        if self._silent:
            return
        note = f"best {self._sign * self._best[1]:.6g}" if self._best[0] >= 0 else ""
        if self._stopping.budget is not None:
            self._progress.track("search", self.spent + finished, self._stopping.budget, note)
        elif self._stopping.budget_s is not None:
            total = math.ceil(self._stopping.budget_s)
            done = min(total, int(self._seconds))
            if not self._full:  # what is under way then is finished, but the bar is full once
                self._progress.track("search (s)", done, total, note)
            self._full = done == total

    def _watch(self, epochs: int, gain: float) -> None:
        """Follow the incumbent: the best among the longest trainings."""
        self._since += 1
        if gain == gain and (epochs, gain) > self._best:
            self._best, self._since = (epochs, gain), 0
        target, patience = self._stopping.target, self._stopping.patience
        reached = target is not None and self._best[0] >= 0 and self._best[1] >= self._sign * target
        self.stopped |= reached or (patience is not None and self._since >= patience)
