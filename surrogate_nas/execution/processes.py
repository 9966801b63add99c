"""One function over many items, in this process or in a pool of processes that survives its workers.

The pool is a pipe per worker, which is what the standard library's pools lack: when a worker dies
(killed, out of memory, a crash in native code) it is known which item it held, that item alone is
tried once more, and everything else goes on.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, final

from surrogate_nas.core import InvalidInputError

Item = TypeVar("Item")
Result = TypeVar("Result")

#: A worker that dies with an item is replaced and the item tried again, so often in all.
ATTEMPTS = 2

#: Numeric libraries read these when they load; one thread per worker, or workers fight for the cores.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """Stands where the result of an item would, if every process that worked on it died.

    Attributes:
        reason: How the last one ended, in one line.
    """

    reason: str


def default_jobs() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_all(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int = 1,
    on_result: Callable[[int, Result | WorkerDied], None] | None = None,
) -> Iterator[tuple[int, Result | WorkerDied]]:
    """Apply ``function`` to every item, several at once; results come in the order of the items.

    Stopping early (Ctrl-C, ``break``, an exception) ends the workers at once; what ``on_result`` was told is
    the caller's to keep. With ``jobs=1`` everything runs in this process. With more, function, items and
    results have to be picklable, and a script needs the usual ``if __name__ == "__main__":`` guard.

    Args:
        function: What to do with an item. An exception from it ends the run and is raised here.
        items: What to do it with.
        jobs: Processes at once.
        on_result: Called with (position, result) in this process as soon as a result is there, in the order
            in which they finish. The place to write a log.

    Yields:
        (position, result) in the order of the items; :class:`WorkerDied` in place of a result where the
        process died twice.

    Raises:
        InvalidInputError: ``jobs`` is below one.
    """
    if jobs < 1:
        raise InvalidInputError(f"jobs: expected a number of processes of at least 1, got {jobs}")
    return _in_processes(function, items, jobs, on_result) if jobs > 1 else _here(function, items, on_result)


def _here(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    on_result: Callable[[int, Result | WorkerDied], None] | None,
) -> Iterator[tuple[int, Result | WorkerDied]]:
    for i, item in enumerate(items):
        result = function(item)
        if on_result:
            on_result(i, result)
        yield i, result


def _in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int,
    on_result: Callable[[int, Result | WorkerDied], None] | None,
) -> Iterator[tuple[int, Result | WorkerDied]]:
    done: dict[int, Result | WorkerDied] = {}
    following = 0
    with WorkerPool(function, jobs) as pool:
        for i, item in enumerate(items):
            pool.submit(i, item)
        while following < len(items):
            for i, answer in pool.finished():
                done[i] = answer
                if on_result:
                    on_result(i, answer)
            while following in done:
                yield following, done.pop(following)
                following += 1


@final
class WorkerPool(Generic[Item, Result]):
    """Processes that apply one function to items as these come; use it as a context manager.

    Args:
        function: What to do with an item; function, items and results have to be picklable.
        jobs: Processes at once; they start when there is work for them.
        preload: Modules that take long to load and that the function will need: loaded once for all processes,
            where the platform can.
    """

    def __init__(self, function: Callable[[Item], Result], jobs: int, *, preload: Sequence[str] = ()) -> None:
        self._function = function
        self._jobs = jobs
        self._context = _context(function, preload)
        self._items: dict[int, Item] = {}  # submitted and not finished
        self._waiting: deque[int] = deque()
        self._died: dict[int, int] = {}
        self._workers: list[_Worker] = []

    def submit(self, ticket: int, item: Item) -> None:
        """Have an item worked on; its result comes with this ticket."""
        self._items[ticket] = item
        self._waiting.append(ticket)
        self._hand_out()

    def finished(self) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Wait until something is finished.

        Yields:
            (ticket, result) of all that is; :class:`WorkerDied` in place of a result where the process died
            twice. Nothing where nothing was submitted, or where a process has just died for the first time.

        Raises:
            Exception: What the function raised; only after all that finished beside it was yielded.
        """
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
                self._died[ticket] = self._died.get(ticket, 0) + 1
                if self._died[ticket] < ATTEMPTS:
                    self._waiting.appendleft(ticket)
                    continue
            del self._items[ticket]
            yield ticket, answer
        if failure:
            raise failure

    def close(self) -> None:
        """End all processes at once, whatever they do."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def _hand_out(self) -> None:
        while len(self._workers) < min(self._jobs, len(self._items)):
            self._workers.append(_Worker(self._context, self._function))
        for worker in self._workers:
            if worker.item is None and self._waiting:
                ticket = self._waiting.popleft()
                worker.give(ticket, self._items[ticket])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Worker:
    """One process with the item it works on."""

    def __init__(self, context: BaseContext, function: Callable[[Any], Any]) -> None:
        self.item: int | None = None
        self.pipe, far_end = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_work, args=(far_end, function), daemon=True
        )
        with _one_thread_each():
            self.process.start()
        # Else the pipe would not end when the worker does.
        far_end.close()

    def give(self, i: int, item: Any) -> None:
        self.item = i
        # It may have died between two items: take() finds out.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send(item)

    def take(self) -> tuple[int, bool, Any]:
        """Return (position, whether the function raised, its result or exception or WorkerDied)."""
        i, self.item = int(self.item or 0), None
        try:
            raised, answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return i, False, WorkerDied(_ending(self.process.exitcode))
        except Exception as error:  # noqa: BLE001 (an exception with an odd constructor fails only here)
            return i, True, _untransportable("an answer", error)
        return i, raised, answer

    def stop(self) -> None:
        self.pipe.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


def _ready(workers: list[_Worker]) -> list[_Worker]:
    pipes = {w.pipe: w for w in workers if w.item is not None}
    return [pipes[p] for p in wait(list(pipes))]  # type: ignore[index]


def _work(pipe: Connection, function: Callable[[Any], Any]) -> None:
    # Ctrl-C reaches every process of the terminal; the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
            pipe.send((True, _untransportable(answer[1], error)))


def _untransportable(answer: object, error: Exception) -> RuntimeError:
    return RuntimeError(f"{answer!r} cannot be sent between processes: {error}")


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


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"the worker process was killed by {signal.Signals(-exitcode).name}"
    return f"the worker process ended by itself with exit code {exitcode}"
