"""Where work is done, as a value: this process, processes of this machine, or a Ray cluster; the same work on each."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Protocol

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.execution.pool import Item, Pool, Result, WorkerDied, in_order
from surrogate_nas.execution.processes import LocalProcesses
from surrogate_nas.execution.ray_pool import RayCluster
from surrogate_nas.execution.this_process import ThisProcess


class Executor(Protocol):
    """Makes pools of workers.

    Attributes:
        parallel: Whether several workers can work at once, elsewhere than in this process.
    """

    parallel: ClassVar[bool]

    def default_jobs(self) -> int:
        """As many workers as there are processors."""
        ...

    def pool(
        self,
        function: Callable[[Item], Result],
        jobs: int = 1,
        *,
        preload: Sequence[str] = (),
        device: str = "cpu",
    ) -> Pool[Item, Result]:
        """A pool of workers for one function, which reaches each of them once.

        Args:
            function: What to do with an item.
            jobs: Workers at once.
            preload: Modules that take long to load and that the function will need.
            device: What the function will ask for: where it is "auto" or "cuda", GPUs are shared out.
        """
        ...


#: Executors by the name they have on the command line.
EXECUTORS: dict[str, Callable[[], Executor]] = {"local": ThisProcess, "processes": LocalProcesses, "ray": RayCluster}


def as_executor(given: Executor | str | None, jobs: int = 1, *, what: str = "jobs") -> Executor:
    """The executor that is meant, checked against the number of workers.

    Args:
        given: An executor, or the name of one; None is this process for one job, else processes.
        jobs: Workers at once.
        what: What the caller calls this number, for the message.

    Raises:
        InvalidInputError: ``jobs`` is below one, or more than one in this process.
        UnknownNameError: There is no executor of this name.
    """
    if jobs < 1:
        raise InvalidInputError(f"{what}: expected a number of processes of at least 1, got {jobs}")
    if given is None:
        return LocalProcesses() if jobs > 1 else ThisProcess()
    executor = choose("executor", given, EXECUTORS)() if isinstance(given, str) else given
    if not callable(getattr(executor, "pool", None)):
        raise InvalidInputError(f"executor: expected one of {', '.join(EXECUTORS)}, or an executor, got {given!r:.80}")
    if jobs > 1 and not executor.parallel:
        raise InvalidInputError(
            f"{what}: expected 1 in this process, got {jobs}; take the executor processes or ray for several at once"
        )
    return executor


def with_jobs(given: Executor | str | None, jobs: int | None, *, what: str = "jobs") -> tuple[Executor, int]:
    """The executor that is meant, and how many workers: one per processor of the place where none are asked for.

    Args:
        given: As in :func:`as_executor`.
        jobs: Workers at once, or None.
        what: What the caller calls this number, for the message.

    Raises:
        InvalidInputError: A number that cannot be, or a cluster that does not answer.
        UnknownNameError: There is no executor of this name.
    """
    if jobs is None:
        jobs = (LocalProcesses() if given is None else as_executor(given)).default_jobs()
    return as_executor(given, jobs, what=what), jobs


def executor_named(name: str | None, address: str | None, jobs: int | None) -> tuple[Executor, int]:
    """The executor and the number of workers that options of the command line mean.

    Args:
        name: A name of :data:`EXECUTORS`; None is Ray where there is an address, else as ``jobs`` says.
        address: Of a Ray cluster.
        jobs: Workers at once; None is one per processor of the place.

    Raises:
        InvalidInputError: An address of what has none, or a number that cannot be.
        UnknownNameError: There is no executor of this name.
    """
    if address is None:
        return with_jobs(name, jobs, what="--jobs")
    if name is not None and choose("executor", name, EXECUTORS) is not RayCluster:
        raise InvalidInputError(f"--address: expected none with --executor {name}, got {address!r}; only ray has one")
    return with_jobs(RayCluster(address), jobs, what="--jobs")


def run_all(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int = 1,
    executor: Executor | str | None = None,
    device: str = "cpu",
    on_result: Callable[[int, Result | WorkerDied], None] | None = None,
) -> Iterator[tuple[int, Result | WorkerDied]]:
    """Apply ``function`` to every item, several at once; results come in the order of the items.

    Stopping early (Ctrl-C, ``break``, an exception) ends the workers at once; what ``on_result`` was told is
    the caller's to keep. With ``jobs=1`` everything runs in this process. With more, function, items and
    results have to be picklable, and a script needs the usual ``if __name__ == "__main__":`` guard.

    Args:
        function: What to do with an item. An exception from it ends the run and is raised here.
        items: What to do it with.
        jobs: Workers at once.
        executor: Where they work: "local" (this process), "processes", "ray", or an object such as
            ``RayCluster(address)``; None is this process for one job, else processes.
        device: What the function will ask for: where it is "auto" or "cuda", GPUs are shared out.
        on_result: Called with (position, result) in this process as soon as a result is there, in the order
            in which they finish. The place to write a log.

    Yields:
        (position, result) in the order of the items; :class:`WorkerDied` in place of a result where the
        worker died twice.

    Raises:
        InvalidInputError: ``jobs`` is below one, or something cannot be sent to another process.
        UnknownNameError: There is no executor of this name.
    """
    # Checked at once, not when the first result is asked for.
    return _run_all(as_executor(executor, jobs).pool(function, jobs, device=device), items, on_result)


def _run_all(
    pool: Pool[Item, Result], items: Sequence[Item], on_result: Callable[[int, Result | WorkerDied], None] | None
) -> Iterator[tuple[int, Result | WorkerDied]]:
    with pool:
        yield from in_order(pool, items, on_result)
