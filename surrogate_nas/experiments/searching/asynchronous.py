"""A search in which nobody waits: the strategy is told in the order of finishing."""

import heapq
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, final

import numpy as np

from surrogate_nas.core import Proposal, SpaceExhaustedError
from surrogate_nas.execution import Executor, WorkerDied
from surrogate_nas.experiments.objectives import Evaluation, Objective
from surrogate_nas.experiments.run_log import Record
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
class RealSite:
    """Real workers, on the clock of the wall, which goes on where an earlier run ended."""

    def __init__(self, objective: Objective, failed: Evaluation, executor: Executor, workers: int, now: float) -> None:
        self._pool = pool_for(objective, executor, workers)
        self._failed = failed
        self._zero = time.perf_counter() - now

    def begin(self, ticket: int, task: Task) -> None:
        """Give it to a worker."""
        self._pool.submit(ticket, task.proposal)

    def finished(self) -> Iterator[Done]:
        """Wait until at least one has finished, or a worker died."""
        for ticket, answer in self._pool.finished():
            evaluation = self._failed if isinstance(answer, WorkerDied) else answer
            yield Done(ticket, evaluation, time.perf_counter() - self._zero)

    def close(self) -> None:
        """End all workers at once."""
        self._pool.close()


@final
@dataclass
class Asynchronous(Loop):
    """Whoever is free gets the next architecture; the strategy is told in the order of finishing.

    Which architecture is asked for depends on the order of finishing alone, and that is the order of the log. So a
    continued run first finishes what the log says, in its order, and begins what was under way once more.
    """

    pending: dict[int, Task] = field(init=False, default_factory=dict)
    _waiting: list[int] = field(init=False, default_factory=list)  # tickets asked for and not begun
    _received: deque[Done] = field(init=False, default_factory=deque)  # finished and not told
    _asked: int = field(init=False, default=0)
    _exhausted: bool = field(init=False, default=False)
    _now: float = field(init=False, default=0.0)
    _site: Site | None = field(init=False, default=None)

    def result(self) -> SearchResult:
        """Spend the budget."""
        sign, strategy, account = sign_of(self.objective), self.strategy, self.account
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
            self.pending[self._asked] = Task(part_of(proposal, np.array([i])), idle[i], self._now)
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
                else RealSite(self.objective, self.journal.empty(1), self.executor, self.workers, self._now)
            )
        for ticket in self._waiting:
            self._site.begin(ticket, self.pending[ticket])
        self._waiting.clear()
        while not self._received:
            for done in self._site.finished():
                task, clean = self.pending[done.ticket], without_infinities(done.evaluation)
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
            smaller = not self.account.left(len(self.pending))
            raise edited(
                record,
                f"expected one of the architectures that the strategy proposes, got {logged[0]}; "
                + (
                    "a run whose workers do not wait cannot be repeated with a smaller budget than it was begun with"
                    if smaller
                    else "was the log edited, or the package changed? choose another run folder"
                ),
            )
        self._waiting.remove(ticket)
        evaluation = self.journal.empty(1)
        evaluation.scores[0] = np.reshape(self.journal.scores(record), evaluation.scores[0].shape)
        evaluation.cost_s[0] = number(record, "cost_s")
        at = number(record, "elapsed_s")
        return Done(ticket, evaluation, at if at == at else self._now)
