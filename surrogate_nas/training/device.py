"""Where trainings run, and how they are kept reproducible there."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from surrogate_nas.core import InvalidInputError


def resolve_device(device: str) -> torch.device:
    """Turn "auto", "cpu", "cuda" or "cuda:1" into a device that exists.

    Args:
        device: "auto" takes the first GPU if there is one, else the CPU.

    Raises:
        InvalidInputError: Not a device name, or a device this machine lacks.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    try:
        found = torch.device(device)
    except RuntimeError:
        found = None
    if found is not None and (found.type == "cpu" or f"{found.type}:{found.index or 0}" in there):
        return found
    raise InvalidInputError(f"device: expected one of auto, {', '.join(there)} on this machine, got {device!r}")


@contextmanager
def isolated(device: torch.device) -> Iterator[None]:
    """Run on one thread with random state of its own; the caller's threads and random state come back.

    One thread, because small graphs gain nothing from more, several trainings run side by side, and sums
    in another order would make results depend on the machine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)
