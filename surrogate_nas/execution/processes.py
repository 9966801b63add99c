"""Processes of this machine that outlive the death of one of them.

The pool is a pipe per worker, which is what the standard library's pools lack: when a worker dies
(killed, out of memory, a crash in native code) it is known which item it held, that item alone is
tried once more, and everything else goes on. When this process dies, its workers end with it.
"""

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from threading import Thread
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, final

from surrogate_nas.core import InvalidInputError
from surrogate_nas.execution.environment import environment
from surrogate_nas.execution.gpus import VISIBLE, gpu_of, shared_gpus
from surrogate_nas.execution.pool import Backlog, Item, Result, WorkerDied, untransportable

#: Numeric libraries read these when they load; one thread per worker, or workers fight for the cores.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)

#: What pickling raises for what cannot be pickled.
_UNPICKLABLE = (pickle.PicklingError, AttributeError, TypeError)


def default_jobs() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@final
@dataclass(frozen=True)
class LocalProcesses:
    """Worker processes on this machine; GPUs are given to them in turn."""

    parallel: ClassVar[bool] = True

    def default_jobs(self) -> int:
        """Number of cores that this process may use."""
        return default_jobs()

    def pool(
        self,
        function: Callable[[Item], Result],
        jobs: int = 1,
        *,
        preload: Sequence[str] = (),
        device: str = "cpu",
    ) -> "WorkerPool[Item, Result]":
        """A pool for one function; function, items and results have to be picklable."""
        return WorkerPool(function, jobs, preload=preload, device=device)


@final
class WorkerPool(Generic[Item, Result]):
    """Processes that apply one function to items as these come; use it as a context manager.

    Args:
        function: What to do with an item; function, items and results have to be picklable.
        jobs: Processes at once; they start when there is work for them.
        preload: Modules that take long to load and that the function will need: loaded once for all processes,
            where the platform can.
        device: What the function will ask for: where it is "auto" or "cuda", GPUs are shared out.
    """

    def __init__(
        self, function: Callable[[Item], Result], jobs: int, *, preload: Sequence[str] = (), device: str = "cpu"
    ) -> None:
        self._function = function
        self._jobs = jobs
        self._device = device
        self._context = _context(function, preload)
        self._backlog: Backlog[Item] = Backlog()
        self._workers: list[_Worker] = []

    def submit(self, ticket: int, item: Item) -> None:
        """Have an item worked on; its result comes with this ticket."""
        self._backlog.add(ticket, item)
        self._hand_out()

    def finished(self) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Wait until something is finished; see :class:`~surrogate_nas.execution.pool.Pool`."""
        self._hand_out()
        failure: Exception | None = None
        for worker in _ready(self._workers):
            ticket, raised, answer = worker.take()
            if raised:
                failure = failure or answer
                continue
            if isinstance(answer, WorkerDied):
                self._workers.remove(worker)
                worker.stop()
                if not self._backlog.died(ticket):
                    continue
            else:
                self._backlog.done(ticket)
            yield ticket, answer
        if failure:
            raise failure

    def close(self) -> None:
        """End all processes at once, whatever they do, and forget what was submitted."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()
        self._backlog.clear()

    def _hand_out(self) -> None:
        while len(self._workers) < min(self._jobs, len(self._backlog)):
            self._workers.append(self._start())
        for worker in self._workers:
            if worker.ticket is None and (given := self._backlog.take()):
                worker.give(*given)

    def _start(self) -> "_Worker":
        taken = {worker.place for worker in self._workers}
        place = min(place for place in range(self._jobs) if place not in taken)
        return _Worker(self._context, self._function, place, gpu_of(place, shared_gpus(self._device)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Worker:
    """One process with the item it works on."""

    def __init__(self, context: BaseContext, function: Callable[[Any], Any], place: int, gpu: str | None) -> None:
        self.ticket: int | None = None
        self.place = place
        self.pipe, far_end = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_work, args=(far_end, function, gpu), daemon=True
        )
        try:
            with environment(_ONE_THREAD):
                self.process.start()
        except _UNPICKLABLE as error:
            raise _not_sendable("a function", error) from None
        # Else the pipe would not end when the worker does.
        far_end.close()

    def give(self, ticket: int, item: Any) -> None:
        self.ticket = ticket
        try:
            # It may have died between two items: take() finds out.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.pipe.send(item)
        except _UNPICKLABLE as error:
            raise _not_sendable("items", error) from None

    def take(self) -> tuple[int, bool, Any]:
        """Return (ticket, whether the function raised, its result or exception or WorkerDied)."""
        ticket, self.ticket = int(self.ticket or 0), None
        try:
            raised, answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return ticket, False, WorkerDied(_ending(self.process.exitcode))
        except Exception as error:  # noqa: BLE001 (an exception with an odd constructor fails only here)
            return ticket, True, untransportable("an answer", error)
        return ticket, raised, answer

    def stop(self) -> None:
        self.pipe.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


def _ready(workers: list[_Worker]) -> list[_Worker]:
    pipes = {w.pipe: w for w in workers if w.ticket is not None}
    return [pipes[p] for p in wait(list(pipes))]  # type: ignore[index]


def _work(pipe: Connection, function: Callable[[Any], Any], gpu: str | None) -> None:
    # Ctrl-C reaches every process of the terminal; the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    if gpu is not None:
        os.environ[VISIBLE] = gpu
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):  # the parent is gone
            return
        try:
            answer = (False, function(item))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is raised again in the parent)
            answer = (True, error)
        try:
            pipe.send(answer)
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # noqa: BLE001 (pickling runs foreign code)
            pipe.send((True, untransportable(answer[1], error)))


def _end_with_parent() -> None:
    """Nobody waits for what a worker is doing once its parent was killed."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _not_sendable(what: str, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"execution: expected {what} that can be sent to another process, got {type(error).__name__}: {error}; define "
        "functions and classes at the top of a module, or work in this process"
    )


def _context(function: Callable[[Any], Any], preload: Sequence[str]) -> BaseContext:
    """Fork from a server that has loaded the function's module, where the platform can; else spawn.

    Neither copies this process, whose threads and locks would not survive it.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None)
    context.set_forkserver_preload([*preload] if module in (None, "__main__") else [module, *preload])
    return context


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"the worker process was killed by {signal.Signals(-exitcode).name}"
    return f"the worker process ended by itself with exit code {exitcode}"
