"""A search batch by batch: ask, evaluate, tell in the order asked."""

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Proposal, SpaceExhaustedError
from surrogate_nas.execution import Pool, WorkerDied
from surrogate_nas.experiments.objectives import Evaluation
from surrogate_nas.experiments.searching.journal import (
    edited,
    gather,
    number,
    part_of,
    pool_for,
    sign_of,
    without_infinities,
)
from surrogate_nas.experiments.searching.loop import Loop
from surrogate_nas.experiments.searching.result import SearchResult

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@final
@dataclass
class Synchronous(Loop):
    """Ask for a batch, evaluate it, tell all of it in the order asked; with several workers, they share it."""

    parts: list[tuple[Proposal, Evaluation]] = field(init=False, default_factory=list)
    _pool: Pool[Proposal, Evaluation] | None = field(init=False, default=None)

    def result(self) -> SearchResult:
        """Spend the budget."""
        sign, strategy, account = sign_of(self.objective), self.strategy, self.account
        with ExitStack() as stack:
            if self.executor.parallel and not self.objective.recorded:
                self._pool = stack.enter_context(pool_for(self.objective, self.executor, self.workers))
            while left := account.left():
                proposal = self._ask(left)
                if not len(proposal.X):
                    break
                evaluation = self._evaluate(proposal)
                strategy.tell(proposal.X, sign * evaluation.scores, epochs=proposal.epochs, cost_s=evaluation.cost_s)
                self.parts.append((proposal, evaluation))
                account.charge(evaluation, proposal.epochs)
                account.show()
        cost_s = [evaluation.cost_s for _, evaluation in self.parts]
        return gather(self.objective, strategy, self.parts, *share_out(cost_s, self.workers))

    def _ask(self, left: int) -> Proposal:
        """The next batch, cut to what the budget still allows.

        Always asked for in full: so a larger budget later meets the same strategy in the same state.
        """
        try:
            X, epochs = self.strategy.ask(self.batch_size)
        except SpaceExhaustedError:
            if not self.parts:
                raise
            return Proposal(self.parts[0][0].X[:0])
        return Proposal(X[:left], None if epochs is None else epochs[:left])

    def _evaluate(self, proposal: Proposal) -> Evaluation:
        """Results of a batch: from the log where it has them, else from the objective."""
        X, epochs = proposal
        if self.journal.log is None and self.objective.recorded:
            return without_infinities(self.objective.evaluate(X, epochs))
        results = self.journal.empty(len(X))
        missing = np.flatnonzero([not self._replay(i, proposal, results) for i in range(len(X))])
        if not len(missing):
            return results
        step, finished = self.account.spent + 1, len(X) - len(missing)
        for at, part in self._stream(part_of(proposal, missing)):
            clean, here = without_infinities(part), missing[at]
            results.scores[here], results.cost_s[here] = clean
            self.journal.write(step + here, part_of(proposal, here), clean)
            finished += len(at)
            if finished < len(X):  # the whole batch is shown once its best is known
                self.account.show(finished)
        return results

    def _stream(self, proposal: Proposal) -> Iterator[tuple[Ints, Evaluation]]:
        """Positions and results as they are finished."""
        if self._pool is None:
            yield from self.objective.stream(*proposal)
            return
        for i in range(len(proposal.X)):
            self._pool.submit(i, part_of(proposal, np.array([i])))
        finished = 0
        while finished < len(proposal.X):
            for i, answer in self._pool.finished():
                finished += 1
                yield np.array([i]), self.journal.empty(1) if isinstance(answer, WorkerDied) else answer

    def _replay(self, i: int, proposal: Proposal, results: Evaluation) -> bool:
        """Take result ``i`` of a batch from the log; False where it is not there."""
        record = self.journal.read(self.account.spent + i + 1)
        if record is None:
            return False
        asked = proposal.X[i].tolist(), None if proposal.epochs is None else int(proposal.epochs[i])
        if asked != (record.get("row"), record.get("epochs")):
            raise edited(
                record,
                f"expected what the strategy proposes, {asked[0]}, got {record.get('row')}; was the "
                "log edited, or the package changed? choose another run folder",
            )
        results.scores[i] = np.reshape(self.journal.scores(record), results.scores[i].shape)
        results.cost_s[i] = number(record, "cost_s")
        return True


def share_out(batches: list[Floats], workers: int) -> tuple[Ints, Floats]:
    """Who evaluates what, and when it is finished, if the next of a batch goes to whoever is free first.

    Args:
        batches: Seconds of each evaluation, batch by batch; NaN counts as none.
        workers: Evaluations at once; all of them wait for the end of a batch.

    Returns:
        Worker and finishing time in seconds of each evaluation, shape (n,).
    """
    seconds = np.nan_to_num(np.concatenate(batches)) if batches else np.empty(0)
    if workers == 1:
        return np.zeros(len(seconds), dtype=np.int64), np.cumsum(seconds)
    who, when, now = [], [], 0.0
    for batch in batches:
        free = [(now, worker) for worker in range(workers)]
        for cost in np.nan_to_num(batch).tolist():
            start, worker = heapq.heappop(free)
            heapq.heappush(free, (start + cost, worker))
            who.append(worker)
            when.append(start + cost)
        now = max(time for time, _ in free)
    return np.array(who, dtype=np.int64), np.array(when, dtype=np.float64)
