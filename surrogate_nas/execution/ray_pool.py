"""Workers of a Ray cluster: many machines, or one that is set up on this machine for the while.

Ray places the workers and shares out processors and GPUs. Which worker holds which item, and how often an
item is tried again, is decided here, as for processes: Ray alone would repeat without telling.
"""

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, final

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.errors import MissingExtraError
from surrogate_nas.execution.environment import environment
from surrogate_nas.execution.gpus import gpu_share
from surrogate_nas.execution.pool import ATTEMPTS, Backlog, Item, Result, WorkerDied, untransportable
from surrogate_nas.execution.processes import default_jobs

#: Read when Ray is imported or started: it tells nobody what it is used for, prints nothing about workers that die
#: (that is recorded here; Ray prints it among results), and hides no GPU from workers that were given none.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

#: Seconds until a cluster at an address has answered.
PATIENCE_S = 5.0

#: How much is shown of a message of Ray's, in characters.
_MESSAGE = 200


@final
@dataclass(frozen=True)
class RayCluster:
    """Workers on a Ray cluster.

    Where this process is connected to Ray already, that connection is used and left open.

    Attributes:
        address: ``host:port`` of a cluster that this machine belongs to, or ``auto`` to find it; None sets one up
            on this machine for as long as a pool is open.
    """

    address: str | None = None
    parallel: ClassVar[bool] = True

    def default_jobs(self) -> int:
        """Number of processors of the cluster, or of this machine where it will be set up here."""
        if self.address is None:
            return default_jobs()
        with self.connected() as ray:
            return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def pool(
        self,
        function: Callable[[Item], Result],
        jobs: int = 1,
        *,
        preload: Sequence[str] = (),
        device: str = "cpu",
    ) -> "RayPool[Item, Result]":
        """A pool for one function; all machines need this package. ``preload`` is left to the workers."""
        return RayPool(self, function, jobs, device=device)

    @contextmanager
    def connected(self, jobs: int = 1) -> Iterator[Any]:
        """Ray itself, connected to the cluster.

        Args:
            jobs: Processors of a cluster that is set up here.

        Raises:
            InvalidInputError: The cluster does not answer, or cannot be set up.
            MissingExtraError: Ray is not installed.
        """
        with environment(_QUIET):
            ray = _ray()
            if ray.is_initialized():
                yield ray
                return
            self._connect(ray, jobs)
            try:
                yield ray
            finally:
                ray.shutdown()

    def _connect(self, ray: Any, jobs: int) -> None:
        if self.address is None:
            options: dict[str, Any] = {"address": "local", "num_cpus": jobs, "include_dashboard": False}
        else:
            _check_answers(self.address)
            options = {"address": self.address}
        logging.getLogger("ray").setLevel(logging.ERROR)  # else it says on standard error that it has started
        try:
            ray.init(**options, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise InvalidInputError(
                f"Ray at {self.address or 'this machine'}: expected a cluster to work on, got {_line(error)}"
            ) from None


@final
class RayPool(Generic[Item, Result]):
    """Ray actors that apply one function to items as these come; use it as a context manager.

    Args:
        cluster: Where they live.
        function: What to do with an item. It is stored in the cluster once and reaches every worker once; items
            and results travel one by one.
        jobs: Workers at once; each takes one processor. Where the cluster has fewer, the others wait for a place.
        device: What the function will ask for: unless it is "cpu", each worker gets a GPU or its share of one,
            where the cluster has some.
    """

    def __init__(
        self, cluster: RayCluster, function: Callable[[Item], Result], jobs: int, *, device: str = "cpu"
    ) -> None:
        self._cluster = cluster
        self._function = function
        self._jobs = jobs
        self._device = device
        self._backlog: Backlog[Item] = Backlog()
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._stack = ExitStack()
        self._ray: Any = None

    def submit(self, ticket: int, item: Item) -> None:
        """Have an item worked on; its result comes with this ticket."""
        self._backlog.add(ticket, item)
        if self._ray is None:
            self._open()
        self._hand_out()

    def finished(self) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Wait until something is finished; see :class:`~surrogate_nas.execution.pool.Pool`."""
        self._hand_out()
        failure: Exception | None = None
        for worker in self._ready():
            ticket, raised, answer = worker.take(self._ray)
            if isinstance(answer, WorkerDied):
                self._workers.remove(worker)
                worker.stop(self._ray)
            if ticket is None:
                self._count_start(answer)
                continue
            if raised:
                failure = failure or answer
                continue
            if not isinstance(answer, WorkerDied):
                self._backlog.done(ticket)
            elif not self._backlog.died(ticket):
                continue
            yield ticket, answer
        if failure:
            raise failure

    def close(self) -> None:
        """End all workers at once, whatever they do, forget what was submitted, and leave the cluster."""
        for worker in self._workers:
            worker.stop(self._ray)
        self._workers.clear()
        self._backlog.clear()
        self._ray = None
        self._stack.close()

    def _open(self) -> None:
        ray = self._stack.enter_context(self._cluster.connected(self._jobs))
        gpus = 0.0 if self._device == "cpu" else ray.cluster_resources().get("GPU", 0.0)
        try:
            self._sent = ray.put(self._function)
        except TypeError as error:
            raise _not_sendable("a function", error) from None
        self._actor = ray.remote(num_cpus=1, num_gpus=gpu_share(self._jobs, gpus), max_restarts=0, max_task_retries=0)(
            _Actor
        )
        self._ray = ray

    def _hand_out(self) -> None:
        while len(self._workers) < min(self._jobs, len(self._backlog)):
            self._workers.append(_Worker(self._actor.remote(self._sent)))
        for worker in self._workers:
            if worker.idle and (given := self._backlog.take()):
                worker.give(*given)

    def _ready(self) -> "list[_Worker]":
        answers = {w.answer: w for w in self._workers if w.answer is not None}
        if not answers:
            return []
        self._ray.wait(list(answers), num_returns=1)
        ready, _ = self._ray.wait(list(answers), num_returns=len(answers), timeout=0)
        return [answers[answer] for answer in ready]

    def _count_start(self, answer: Any) -> None:
        """A worker has started, or could not: that would be so again and again, so it is not tried for ever."""
        self._failed_starts = self._failed_starts + 1 if isinstance(answer, WorkerDied) else 0
        if self._failed_starts >= ATTEMPTS:
            raise InvalidInputError(
                f"Ray: expected workers that start, {answer.reason}; is this package, and the module that the work is "
                "from, on all machines of the cluster?"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Actor:
    """What lives in the cluster."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def start(self) -> None:
        """Answered once there is a place for this worker."""

    def work(self, item: Any) -> tuple[bool, Any]:
        """Return (whether the function raised, its result or exception)."""
        try:
            return False, self._function(item)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is raised again where the pool is)
            return True, error


class _Worker:
    """One actor with the item it works on. It gets none before it has a place, so that no item waits for that."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.ticket: int | None = None
        self.answer: Any = actor.start.remote()  # what it is asked and has not answered; None where it is idle

    @property
    def idle(self) -> bool:
        return self.answer is None

    def give(self, ticket: int, item: Any) -> None:
        self.ticket = ticket
        try:
            self.answer = self.actor.work.remote(item)
        except TypeError as error:
            raise _not_sendable("items", error) from None

    def take(self, ray: Any) -> tuple[int | None, bool, Any]:
        """Return (ticket, whether the function raised, its result or exception or WorkerDied); None = it started."""
        ticket, answer, self.ticket, self.answer = self.ticket, self.answer, None, None
        try:
            raised, result = ray.get(answer) or (False, None)
        except (ray.exceptions.RayTaskError, ray.exceptions.RaySystemError) as error:  # left, or arrived, in pieces
            return ticket, True, untransportable("an answer", RuntimeError(_line(error)))
        except ray.exceptions.RayError as error:
            return ticket, False, WorkerDied(f"the Ray worker died: {_line(error)}")
        except Exception as error:  # noqa: BLE001 (an exception with an odd constructor fails only here)
            return ticket, True, untransportable("an answer", error)
        return ticket, raised, result

    def stop(self, ray: Any) -> None:
        ray.kill(self.actor, no_restart=True)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise MissingExtraError.of("ray", "ray", "the executor ray") from None
    return ray


def _check_answers(address: str) -> None:
    """Ray itself waits for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in address:
        return  # "auto", or what Ray has a message for
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise InvalidInputError(
            f"Ray at {address}: expected a cluster that answers within {PATIENCE_S:g} s, got {_line(error)}; begin one "
            "with: ray start --head"
        ) from None


def _not_sendable(what: str, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"Ray: expected {what} that can be sent to another process, got {_line(error)}; define functions and classes "
        "at the top of a module, or work in this process"
    )


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:_MESSAGE]}"
