"""What both ways to run a search share: the journal of finished evaluations, and small steps on proposals."""

from functools import partial
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.execution import Executor, Pool
from surrogate_nas.experiments.objectives import Evaluation, Objective
from surrogate_nas.experiments.run_log import Record, RunLog
from surrogate_nas.experiments.searching.result import SearchResult
from surrogate_nas.strategies import Strategy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: The log inside a run folder.
LOG_NAME = "search.jsonl"


@final
class Journal:
    """Finished evaluations by step: written where there is a run folder, read where a run continues."""

    def __init__(self, objective: Objective, log: RunLog | None) -> None:
        self._space = objective.space
        self._several = len(objective.metrics) if len(objective.metrics) > 1 else 0
        self.log = log

    def empty(self, n: int) -> Evaluation:
        """Room for ``n`` results."""
        return Evaluation(np.full((n, self._several) if self._several else n, np.nan), np.full(n, np.nan))

    def write(self, steps: Ints, proposal: Proposal, evaluation: Evaluation, **more: float) -> None:
        """Keep the results of a proposal; on disk when this returns."""
        if self.log is None:
            return
        X, epochs = proposal
        varied = [{}] * len(X) if epochs is None else [{"epochs": e} for e in epochs]
        self.log.append(
            *(
                {
                    "step": steps[i],
                    "architecture": self._space.format(X[i : i + 1])[0],
                    "row": X[i],
                    "score": evaluation.scores[i],
                    "cost_s": evaluation.cost_s[i],
                    **more,
                    **varied[i],
                }
                for i in range(len(X))
            )
        )

    def read(self, step: int) -> Record | None:
        """What was written as ``step``."""
        return None if self.log is None else self.log.get((step,))

    def scores(self, record: Record) -> list[float]:
        """The scores of a record, one per metric."""
        value = record.get("score")
        if not self._several:
            return [number(record, "score")]
        if not isinstance(value, list) or len(value) != self._several:
            raise edited(record, f"expected {self._several} scores, got {value!r:.80}")
        return [number({**record, "score": v}, "score") for v in value]


def number(record: Record, name: str) -> float:
    """A number of a record; NaN where it says null."""
    value = record.get(name)
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise edited(record, f"expected a number or null as {name}, got {value!r:.80}")
    return float(value)


def pool_for(objective: Objective, executor: Executor, workers: int) -> Pool[Proposal, Evaluation]:
    """Workers that evaluate proposals of one row."""
    return executor.pool(partial(_evaluate, objective), workers, preload=objective.modules, device=objective.device)


def _evaluate(objective: Objective, proposal: Proposal) -> Evaluation:
    return objective.evaluate(*proposal)


def gather(
    objective: Objective,
    strategy: Strategy,
    parts: list[tuple[Proposal, Evaluation]],
    worker: Ints,
    elapsed_s: Floats,
) -> SearchResult:
    """All parts as one result."""
    if not parts:
        raise SpaceExhaustedError(f"search: expected {strategy!r} to propose an architecture, got none")
    proposals, evaluations = zip(*parts, strict=True)
    varied = [p.epochs for p in proposals if p.epochs is not None]
    return SearchResult(
        objective,
        np.concatenate([p.X for p in proposals]),
        np.concatenate([e.scores for e in evaluations]),
        np.concatenate([e.cost_s for e in evaluations]),
        worker,
        elapsed_s,
        np.concatenate(varied) if varied else None,
    )


def part_of(proposal: Proposal, at: Ints) -> Proposal:
    """Some of a proposal's rows."""
    return Proposal(proposal.X[at], None if proposal.epochs is None else proposal.epochs[at])


def without_infinities(evaluation: Evaluation) -> Evaluation:
    """A diverged training has failed."""
    finite = np.isfinite(evaluation.scores)
    return evaluation if finite.all() else evaluation._replace(scores=np.where(finite, evaluation.scores, np.nan))


def sign_of(objective: Objective) -> Floats | float:
    """What scores are multiplied with so that higher is better."""
    return objective.signs if len(objective.metrics) > 1 else float(objective.signs[0])


def edited(record: Record, what: str) -> InvalidInputError:
    """The error for a record that this run cannot have written."""
    return InvalidInputError(f"{LOG_NAME}, step {record.get('step')}: {what}")
