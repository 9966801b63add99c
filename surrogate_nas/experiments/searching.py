"""One search: a strategy asks, an objective answers, the budget is charged here and nowhere else."""

import inspect
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.experiments.objectives import Evaluation, Objective
from surrogate_nas.experiments.run_log import Record, RunLog
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import Strategy

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

#: The log inside a run folder.
LOG_NAME = "search.jsonl"


@dataclass(frozen=True)
class SearchResult:
    """What a search evaluated, in order.

    Attributes:
        objective: What was searched on.
        X: Rows, shape (n, d).
        scores: In the metric's own unit, shape (n,); NaN = failed.
        cost_s: Seconds per evaluation, shape (n,); NaN = not known.
        epochs: Training length per evaluation where the strategy chose it, shape (n,), else None.
    """

    objective: Objective
    X: Rows
    scores: Floats
    cost_s: Floats
    epochs: npt.NDArray[np.int64] | None = None

    @property
    def best(self) -> npt.NDArray[np.int16]:
        """Row of the best score found, shape (d,); the first one where several are equal.

        Raises:
            InvalidInputError: No evaluation succeeded.
        """
        return self.X[self._last]

    @property
    def best_score(self) -> float:
        """The best score found.

        Raises:
            InvalidInputError: No evaluation succeeded.
        """
        return float(self.scores[self._last])

    @cached_property
    def incumbents(self) -> npt.NDArray[np.int64]:
        """Position of the best architecture so far after each evaluation, shape (n,); -1 before the first success."""
        gains = np.where(np.isnan(self.scores), -np.inf, _sign(self.objective) * self.scores)
        record = np.maximum.accumulate(np.concatenate([[-np.inf], gains]))
        better = gains > record[:-1]
        return np.maximum.accumulate(np.where(better, np.arange(len(gains)), -1))

    @property
    def history(self) -> "pd.DataFrame":
        """One row per evaluation: step (from 1), architecture, score, best (so far), cost_s, epochs if varied."""
        import pandas as pd

        columns = {
            "step": np.arange(1, len(self.X) + 1),
            "architecture": self.objective.space.format(self.X),
            "score": self.scores,
            "best": _at(self.scores, self.incumbents),
            "cost_s": self.cost_s,
        }
        return pd.DataFrame(columns if self.epochs is None else {**columns, "epochs": self.epochs})

    def regret(self, split: str = "val") -> Floats:
        """What the incumbent still lacks after each evaluation, in the metric's unit, never negative on its own split.

        On the split that was searched on: best known score - incumbent's. On "test": best test score in
        the table - test score of the incumbent, which was chosen without it.

        Args:
            split: Which scores to compare.

        Returns:
            Shape (n,); NaN before the first success, and where the incumbent was not measured on the split.

        Raises:
            InvalidInputError: The objective does not know all results.
        """
        values, best = self.objective.truth(self.X, split)
        return _sign(self.objective) * (best - _at(values, self.incumbents))

    @property
    def _last(self) -> int:
        if not len(self.X) or self.incumbents[-1] < 0:
            raise InvalidInputError(
                f"best: expected at least one evaluation that succeeded, got {len(self.X)} that failed; "
                "see result.history"
            )
        return int(self.incumbents[-1])


def search(
    objective: Objective,
    strategy: Strategy,
    *,
    budget: int,
    run_dir: str | Path | None = None,
    batch_size: int = 1,
    progress: Progress | None = None,
) -> SearchResult:
    """Let a strategy search for the best architecture of an objective.

    With ``run_dir`` every finished evaluation is on disk before the next one begins. Calling it again with a
    new strategy of the same settings continues there and ends exactly as if nothing had happened, also with a
    larger budget.

    Args:
        objective: What is good: ``TableObjective(table, task=...)``, ``PredictorObjective(predictor)``, or
            ``CallableObjective(function, space)`` for a function of your own that takes one row.
        strategy: A new strategy; only what the objective can evaluate is proposed, each architecture once.
        budget: Number of evaluations, failed ones included. The search ends earlier where no architectures
            are left.
        run_dir: Folder of the log; None keeps none.
        batch_size: Architectures asked for at once and told together.
        progress: Told after every evaluation.

    Raises:
        InvalidInputError: A parameter cannot be, the strategy was used before, or the run folder cannot be
            written or belongs to another search.
        SpaceExhaustedError: There is not a single architecture to evaluate.
    """
    if not isinstance(objective, Objective):
        raise InvalidInputError(
            f"objective: expected a TableObjective, PredictorObjective or CallableObjective(function, space), got "
            f"{type(objective).__name__}"
        )
    for name, value in (("budget", budget), ("batch_size", batch_size)):
        if value < 1:
            raise InvalidInputError(f"{name}: expected at least 1, got {value}")
    if not _same_space(objective.space, strategy.space):
        raise InvalidInputError(
            f"search: expected a strategy on the objective's space {objective.space!r}, got one on {strategy.space!r}"
        )
    if run_dir is None:
        return _Run(objective, strategy, budget, batch_size, progress or Silent(), None).result()
    if not isinstance(strategy.random_state, int | np.integer):
        raise InvalidInputError(
            f"search with a run folder: expected a strategy with an integer random_state, so that it can be continued, "
            f"got random_state={strategy.random_state!r}"
        )
    config = {
        "space": objective.space.name,
        "objective": objective.describe(),
        "strategy": describe_strategy(strategy),
        "batch_size": batch_size,
    }
    with RunLog(Path(run_dir) / LOG_NAME, config, key=("step",)) as log:
        return _Run(objective, strategy, budget, batch_size, progress or Silent(), log).result()


class _Run:
    """The loop, with what it has gathered so far."""

    def __init__(
        self,
        objective: Objective,
        strategy: Strategy,
        budget: int,
        batch_size: int,
        progress: Progress,
        log: RunLog | None,
    ) -> None:
        self.objective = objective
        self.strategy = strategy
        self.budget = budget
        self.batch_size = batch_size
        self.progress = progress
        self.log = log
        self.spent = 0
        self.parts: list[tuple[Proposal, Evaluation]] = []

    def result(self) -> SearchResult:
        """Spend the budget."""
        sign = _sign(self.objective)
        objective = self.objective
        self.strategy.restrict(allowed=objective.measured, key=objective.key, among=objective.measured_rows())
        while self.spent < self.budget:
            proposal = self._ask()
            if not len(proposal.X):
                break
            evaluation = self._evaluate(proposal)
            self.strategy.tell(proposal.X, sign * evaluation.scores, epochs=proposal.epochs, cost_s=evaluation.cost_s)
            self.parts.append((proposal, evaluation))
            self.spent += len(proposal.X)
        if not self.parts:
            raise SpaceExhaustedError(f"search: expected {self.strategy!r} to propose an architecture, got none")
        return self._gather()

    def _ask(self) -> Proposal:
        """The next batch, cut to what the budget still allows.

        Always asked for in full: so a larger budget later meets the same strategy in the same state.
        """
        try:
            X, epochs = self.strategy.ask(self.batch_size)
        except SpaceExhaustedError:
            if not self.parts:
                raise
            return Proposal(self.parts[0][0].X[:0])
        left = self.budget - self.spent
        return Proposal(X[:left], None if epochs is None else epochs[:left])

    def _evaluate(self, proposal: Proposal) -> Evaluation:
        """Results of a batch: from the log where it has them, else from the objective."""
        X, epochs = proposal
        scores, cost_s = np.full((2, len(X)), np.nan)
        missing = np.arange(len(X))
        if self.log is not None:
            missing = missing[[not self._replay(i, proposal, scores, cost_s) for i in range(len(X))]]
        finished = len(X) - len(missing)
        if not len(missing):
            return Evaluation(scores, cost_s)
        for at, part in self.objective.stream(X[missing], None if epochs is None else epochs[missing]):
            i = missing[at]
            scores[i] = np.where(np.isfinite(part.scores), part.scores, np.nan)  # a diverged training has failed
            cost_s[i] = part.cost_s
            if self.log is not None:
                self.log.append(*(self._record(j, proposal, scores, cost_s) for j in i.tolist()))
            finished += len(i)
            self.progress.track("search", self.spent + finished, self.budget)
        return Evaluation(scores, cost_s)

    def _record(self, i: int, proposal: Proposal, scores: Floats, cost_s: Floats) -> Record:
        record: Record = {
            "step": self.spent + i + 1,
            "architecture": self.objective.space.format(proposal.X[i : i + 1])[0],
            "row": proposal.X[i],
            "score": scores[i],
            "cost_s": cost_s[i],
        }
        return record if proposal.epochs is None else {**record, "epochs": proposal.epochs[i]}

    def _replay(self, i: int, proposal: Proposal, scores: Floats, cost_s: Floats) -> bool:
        """Take result ``i`` of a batch from the log; False where it is not there."""
        step = self.spent + i + 1
        record = self.log.get((step,)) if self.log is not None else None
        if record is None:
            return False
        asked = proposal.X[i].tolist(), None if proposal.epochs is None else int(proposal.epochs[i])
        logged = record.get("row"), record.get("epochs")
        if asked != logged:
            raise InvalidInputError(
                f"{LOG_NAME}, step {step}: expected what the strategy proposes, {asked[0]}, got {logged[0]}; was the "
                "log edited, or the package changed? choose another run folder"
            )
        scores[i], cost_s[i] = (_number(record, name, step) for name in ("score", "cost_s"))
        return True

    def _gather(self) -> SearchResult:
        proposals, evaluations = zip(*self.parts, strict=True)
        varied = [p.epochs for p in proposals if p.epochs is not None]
        return SearchResult(
            self.objective,
            np.concatenate([p.X for p in proposals]),
            np.concatenate([e.scores for e in evaluations]),
            np.concatenate([e.cost_s for e in evaluations]),
            np.concatenate(varied) if varied else None,
        )


def describe_strategy(strategy: Strategy) -> dict[str, Any]:
    """A strategy's class and parameters as JSON-able values; objects by the name of their class."""
    params = {name: _describe(value) for name, value in strategy.get_params().items()}
    return {"name": type(strategy).__qualname__, **params}


def _describe(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | np.number):
        return value
    if isinstance(value, SearchSpace):
        return value.name
    if isinstance(value, list | tuple):
        return [_describe(item) for item in value]
    return value.__qualname__ if inspect.isroutine(value) or inspect.isclass(value) else type(value).__qualname__


def _number(record: Record, name: str, step: int) -> float:
    value = record.get(name)
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInputError(f"{LOG_NAME}, step {step}: expected a number or null as {name}, got {value!r:.80}")
    return float(value)


def _same_space(a: SearchSpace, b: SearchSpace) -> bool:
    return a is b or (a.name == b.name and np.array_equal(a.cardinalities, b.cardinalities))


def _sign(objective: Objective) -> int:
    return 1 if objective.direction == "max" else -1


def _at(values: Floats, positions: npt.NDArray[np.int64]) -> Floats:
    """``values[positions]``, NaN where the position is negative."""
    return np.where(positions < 0, np.nan, values[positions])
