"""Where trainings run, and how they are kept reproducible there."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
    in another order would make results depend on the machine. For the same reason convolutions on a GPU
    take the algorithms that always sum in one order.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
        ):
            yield
    finally:
        torch.set_num_threads(threads)


@dataclass
class Measure:
    """What something took.

    Attributes:
        seconds: Wall time.
        peak_memory: Bytes: the most that was allocated on the GPU meanwhile; on a CPU the most that this process
            ever held, 0 where the platform does not say.
    """

    seconds: float = 0.0
    peak_memory: int = 0


@contextmanager
def measured(device: torch.device) -> Iterator[Measure]:
    """Measure what happens inside; the numbers are there when it has ended."""
    measure = Measure()
    start = time.perf_counter()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    try:
        yield measure
    finally:
        measure.peak_memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _resident_peak()
        measure.seconds = time.perf_counter() - start


def _resident_peak() -> int:
    try:
        import resource
    except ImportError:  # not on this platform
        return 0
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
