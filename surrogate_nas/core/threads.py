"""How many threads numerical libraries use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

#: Packages that bring numerical libraries of their own.
_THREADED = ("numpy", "scipy", "sklearn", "xgboost", "torch")


@contextmanager
def one_thread() -> Iterator[None]:
    """Run BLAS, OpenMP and, where it is loaded, torch on one thread; the caller's numbers of threads come back.

    Products of small matrices gain nothing from more threads and wait for each other where other work runs beside
    them; and sums in another order would make results depend on the machine.
    """
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    with _controller(tuple(name for name in _THREADED if name in sys.modules)).limit(limits=1):
        try:
            if torch:
                torch.set_num_threads(1)
            yield
        finally:
            if torch:
                torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def _controller(loaded: tuple[str, ...]) -> Any:
    """The switches of all libraries; looking for them takes milliseconds, so it is done when others are loaded."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
