"""What every place where work is done has in common: a pool takes items and gives results as they finish."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar, final

Item = TypeVar("Item")
Result = TypeVar("Result")
_Item = TypeVar("_Item", contravariant=True)
_Result = TypeVar("_Result", covariant=True)

#: A worker that dies with an item is replaced and the item tried again, so often in all.
ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """Stands where the result of an item would, if every process that worked on it died.

    Attributes:
        reason: How the last one ended, in one line.
    """

    reason: str


class Pool(Protocol[_Item, _Result]):
    """Applies one function to items as these come; use it as a context manager.

    Nothing is started before the first item comes.
    """

    def submit(self, ticket: int, item: _Item) -> None:
        """Have an item worked on; its result comes with this ticket."""
        ...

    def finished(self) -> Iterator[tuple[int, _Result | WorkerDied]]:
        """Wait until something is finished.

        Yields:
            (ticket, result) of all that is; :class:`WorkerDied` in place of a result where the worker died
            twice. Nothing where nothing was submitted, or where a worker has just begun, or died for the first time.

        Raises:
            Exception: What the function raised; only after all that finished beside it was yielded.
        """
        ...

    def close(self) -> None:
        """End all workers at once, whatever they do, and forget what was submitted; the next item begins anew."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@final
class Backlog(Generic[Item]):
    """What was submitted and is not finished, with the deaths that each item has caused."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._waiting: deque[int] = deque()
        self._deaths: dict[int, int] = {}

    def add(self, ticket: int, item: Item) -> None:
        """Take an item in."""
        self._items[ticket] = item
        self._waiting.append(ticket)

    def take(self) -> tuple[int, Item] | None:
        """The next item that nobody works on; None where there is none."""
        if not self._waiting:
            return None
        ticket = self._waiting.popleft()
        return ticket, self._items[ticket]

    def done(self, ticket: int) -> None:
        """An item is finished."""
        del self._items[ticket]
        self._deaths.pop(ticket, None)

    def died(self, ticket: int) -> bool:
        """The worker of an item died. True if that was the last attempt; else the item waits again, as the first."""
        self._deaths[ticket] = self._deaths.get(ticket, 0) + 1
        if self._deaths[ticket] < ATTEMPTS:
            self._waiting.appendleft(ticket)
            return False
        self.done(ticket)
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._waiting.clear()
        self._deaths.clear()

    def __len__(self) -> int:
        return len(self._items)


def in_order(
    pool: Pool[Item, Result],
    items: Sequence[Item],
    on_result: Callable[[int, Result | WorkerDied], None] | None = None,
) -> Iterator[tuple[int, Result | WorkerDied]]:
    """Put all items through an idle pool; results come in the order of the items.

    Stopping early (Ctrl-C, ``break``, an exception) closes the pool.

    Args:
        pool: Nothing is submitted to it.
        items: What its function is applied to.
        on_result: Called with (position, result) as soon as a result is there, in the order in which they finish.

    Yields:
        (position, result) in the order of the items.
    """
    done: dict[int, Result | WorkerDied] = {}
    following = 0
    try:
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
    except BaseException:
        pool.close()
        raise


def untransportable(answer: object, error: Exception) -> RuntimeError:
    """The error for a result that cannot be sent from its worker."""
    return RuntimeError(f"{answer!r:.200} cannot be sent between processes: {error}")
