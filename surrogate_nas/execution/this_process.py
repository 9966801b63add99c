"""Work in this process, one item after the other."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Generic, Self, final

from surrogate_nas.execution.pool import Item, Result, WorkerDied


@final
class OwnPool(Generic[Item, Result]):
    """No workers: an item is worked on when somebody waits for its result.

    Args:
        function: What to do with an item.
    """

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self._function = function
        self._waiting: deque[tuple[int, Item]] = deque()

    def submit(self, ticket: int, item: Item) -> None:
        """Have an item worked on; its result comes with this ticket."""
        self._waiting.append((ticket, item))

    def finished(self) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Work on the next item."""
        if self._waiting:
            ticket, item = self._waiting.popleft()
            yield ticket, self._function(item)

    def close(self) -> None:
        """Forget what was submitted."""
        self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@final
@dataclass(frozen=True)
class ThisProcess:
    """One item after the other, here."""

    parallel: ClassVar[bool] = False

    def default_jobs(self) -> int:
        """One."""
        return 1

    def pool(
        self,
        function: Callable[[Item], Result],
        jobs: int = 1,
        *,
        preload: Sequence[str] = (),
        device: str = "cpu",
    ) -> OwnPool[Item, Result]:
        """A pool for one function; nothing is sent anywhere, and devices are as they are."""
        return OwnPool(function)
