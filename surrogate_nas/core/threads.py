"""How many threads numerical libraries use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Run BLAS, OpenMP and, where it is loaded, torch on one thread; the caller's numbers of threads come back.

    Products of small matrices gain nothing from more threads and wait for each other where other work runs beside
    them; and sums in another order would make results depend on the machine.
    """
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    with threadpool_limits(1):
        try:
            if torch:
                torch.set_num_threads(1)
            yield
        finally:
            if torch:
                torch.set_num_threads(threads)
