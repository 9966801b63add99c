"""The two ways to spend a budget: batch by batch, or whoever is free gets the next architecture."""

import heapq
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple, Protocol, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.execution import WorkerDied, WorkerPool
from surrogate_nas.experiments.objectives import Evaluation, Objective
from surrogate_nas.experiments.run_log import Record, RunLog
from surrogate_nas.experiments.search_account import Account
from surrogate_nas.experiments.search_result import SearchResult
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
            raise _edited(record, f"expected {self._several} scores, got {value!r:.80}")
        return [number({**record, "score": v}, "score") for v in value]


def number(record: Record, name: str) -> float:
    """A number of a record; NaN where it says null."""
    value = record.get(name)
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _edited(record, f"expected a number or null as {name}, got {value!r:.80}")
    return float(value)


@final
class Synchronous:
    """Ask for a batch, evaluate it, tell all of it in the order asked; with several workers, they share it."""

    def __init__(
        self,
        objective: Objective,
        strategy: Strategy,
        account: Account,
        journal: Journal,
        batch_size: int,
        workers: int,
    ) -> None:
        self.objective = objective
        self.strategy = strategy
        self.account = account
        self.journal = journal
        self.batch_size = batch_size
        self.workers = workers
        self.parts: list[tuple[Proposal, Evaluation]] = []
        self._pool: WorkerPool[Proposal, Evaluation] | None = None

    def result(self) -> SearchResult:
        """Spend the budget."""
        sign, strategy, account = _sign(self.objective), self.strategy, self.account
        with ExitStack() as stack:
            if self.workers > 1 and not self.objective.recorded:
                self._pool = stack.enter_context(WorkerPool(partial(evaluate, self.objective), self.workers))
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
            return _clean(self.objective.evaluate(X, epochs))
        results = self.journal.empty(len(X))
        missing = np.flatnonzero([not self._replay(i, proposal, results) for i in range(len(X))])
        if not len(missing):
            return results
        step, finished = self.account.spent + 1, len(X) - len(missing)
        for at, part in self._stream(_part(proposal, missing)):
            clean, here = _clean(part), missing[at]
            results.scores[here], results.cost_s[here] = clean
            self.journal.write(step + here, _part(proposal, here), clean)
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
            self._pool.submit(i, _part(proposal, np.array([i])))
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
            raise _edited(
                record,
                f"expected what the strategy proposes, {asked[0]}, got {record.get('row')}; was the "
                "log edited, or the package changed? choose another run folder",
            )
        results.scores[i] = np.reshape(self.journal.scores(record), results.scores[i].shape)
        results.cost_s[i] = number(record, "cost_s")
        return True


class Task(NamedTuple):
    """One evaluation under way.

    Attributes:
        proposal: One row, with its epochs.
        worker: Who works on it.
        start: When it began, on the search's clock in seconds.
    """

    proposal: Proposal
    worker: int
    start: float


class Done(NamedTuple):
    """One that is finished.

    Attributes:
        ticket: Which task.
        evaluation: Its result.
        at: When, on the search's clock in seconds.
    """

    ticket: int
    evaluation: Evaluation
    at: float


class Site(Protocol):
    """Where evaluations run beside each other."""

    def begin(self, ticket: int, task: Task) -> None:
        """Start one."""
        ...

    def finished(self) -> Iterator[Done]:
        """Wait for the next to finish; several may have."""
        ...

    def close(self) -> None:
        """End what still runs."""
        ...


@final
class SimulatedSite:
    """Recorded results, which finish in the order that their recorded seconds say; ties in the order begun."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._running: list[tuple[float, int, Evaluation]] = []

    def begin(self, ticket: int, task: Task) -> None:
        """Look the result up; nobody sees it before its time. Unknown seconds count as none."""
        evaluation = self._objective.evaluate(*task.proposal)
        seconds = evaluation.cost_s.item()
        heapq.heappush(self._running, (task.start + (seconds if seconds == seconds else 0.0), ticket, evaluation))

    def finished(self) -> Iterator[Done]:
        """The one that ends first."""
        at, ticket, evaluation = heapq.heappop(self._running)
        yield Done(ticket, evaluation, at)

    def close(self) -> None:
        """Nothing runs."""


@final
class ProcessSite:
    """Real processes, on the clock of the wall, which goes on where an earlier run ended."""

    def __init__(self, objective: Objective, failed: Evaluation, workers: int, now: float) -> None:
        self._pool = WorkerPool(partial(evaluate, objective), workers)
        self._failed = failed
        self._zero = time.perf_counter() - now

    def begin(self, ticket: int, task: Task) -> None:
        """Give it to a process."""
        self._pool.submit(ticket, task.proposal)

    def finished(self) -> Iterator[Done]:
        """Wait until at least one has finished, or a process died."""
        for ticket, answer in self._pool.finished():
            evaluation = self._failed if isinstance(answer, WorkerDied) else answer
            yield Done(ticket, evaluation, time.perf_counter() - self._zero)

    def close(self) -> None:
        """End all processes at once."""
        self._pool.close()


@final
class Asynchronous:
    """Whoever is free gets the next architecture; the strategy is told in the order of finishing.

    Which architecture is asked for depends on the order of finishing alone, and that is the order of the log. So a
    continued run first finishes what the log says, in its order, and begins what was under way once more.
    """

    def __init__(
        self,
        objective: Objective,
        strategy: Strategy,
        account: Account,
        journal: Journal,
        batch_size: int,
        workers: int,
    ) -> None:
        self.objective = objective
        self.strategy = strategy
        self.account = account
        self.journal = journal
        self.workers = workers
        self.pending: dict[int, Task] = {}
        self._waiting: list[int] = []  # tickets asked for and not begun
        self._received: deque[Done] = deque()  # finished and not told
        self._asked = 0
        self._exhausted = False
        self._now = 0.0
        self._site: Site | None = None

    def result(self) -> SearchResult:
        """Spend the budget."""
        sign, strategy, account = _sign(self.objective), self.strategy, self.account
        parts, worker, elapsed_s = [], [], []
        try:
            while not account.stopped:
                self._ask()
                if not self.pending:
                    break
                done = self._next()
                X, epochs = proposal = self.pending[done.ticket].proposal
                worker.append(self.pending.pop(done.ticket).worker)
                self._now = max(self._now, done.at)
                elapsed_s.append(self._now)
                strategy.tell(X, sign * done.evaluation.scores, epochs=epochs, cost_s=done.evaluation.cost_s)
                parts.append((proposal, done.evaluation))
                account.charge(done.evaluation, epochs)
                account.show()
        finally:
            if self._site is not None:
                self._site.close()
        return gather(self.objective, strategy, parts, np.array(worker, dtype=np.int64), np.array(elapsed_s))

    def _ask(self) -> None:
        """Give every free worker something to do."""
        free = min(self.workers - len(self.pending), self.account.left(len(self.pending)))
        if free <= 0 or self._exhausted:
            return
        try:
            proposal = self.strategy.ask(free)
        except SpaceExhaustedError:
            if not self._asked:
                raise
            self._exhausted = True
            return
        busy = {task.worker for task in self.pending.values()}
        idle = [worker for worker in range(self.workers) if worker not in busy]
        for i in range(len(proposal.X)):
            self.pending[self._asked] = Task(_part(proposal, np.array([i])), idle[i], self._now)
            self._waiting.append(self._asked)
            self._asked += 1

    def _next(self) -> Done:
        """The next one that is finished: from the log as long as it has more, then for real."""
        step = self.account.spent + 1
        if not self._received and (record := self.journal.read(step)) is not None:
            return self._replay(record)
        if self._site is None:
            self._site = (
                SimulatedSite(self.objective)
                if self.objective.recorded
                else ProcessSite(self.objective, self.journal.empty(1), self.workers, self._now)
            )
        for ticket in self._waiting:
            self._site.begin(ticket, self.pending[ticket])
        self._waiting.clear()
        while not self._received:
            for done in self._site.finished():
                task, clean = self.pending[done.ticket], _clean(done.evaluation)
                at = np.array([step + len(self._received)])
                self.journal.write(at, task.proposal, clean, worker=task.worker, elapsed_s=max(self._now, done.at))
                self._received.append(Done(done.ticket, clean, done.at))
        return self._received.popleft()

    def _replay(self, record: Record) -> Done:
        logged = record.get("row"), record.get("epochs")
        for ticket in self._waiting:
            X, epochs = self.pending[ticket].proposal
            if logged == (X[0].tolist(), None if epochs is None else int(epochs[0])):
                break
        else:
            raise _edited(
                record,
                f"expected one of the architectures that the strategy proposes, got {logged[0]}; was the log edited, "
                "or the package changed? choose another run folder",
            )
        self._waiting.remove(ticket)
        evaluation = self.journal.empty(1)
        evaluation.scores[0] = np.reshape(self.journal.scores(record), evaluation.scores[0].shape)
        evaluation.cost_s[0] = number(record, "cost_s")
        at = number(record, "elapsed_s")
        return Done(ticket, evaluation, at if at == at else self._now)


def evaluate(objective: Objective, proposal: Proposal) -> Evaluation:
    """What a worker process does."""
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


def _part(proposal: Proposal, at: Ints) -> Proposal:
    return Proposal(proposal.X[at], None if proposal.epochs is None else proposal.epochs[at])


def _clean(evaluation: Evaluation) -> Evaluation:
    """A diverged training has failed."""
    finite = np.isfinite(evaluation.scores)
    return evaluation if finite.all() else evaluation._replace(scores=np.where(finite, evaluation.scores, np.nan))


def _sign(objective: Objective) -> Floats | float:
    return objective.signs if len(objective.metrics) > 1 else float(objective.signs[0])


def _edited(record: Record, what: str) -> InvalidInputError:
    return InvalidInputError(f"{LOG_NAME}, step {record.get('step')}: {what}")
