"""Measured latency: of whole networks on this machine, of their layers, and summed from a table of layers.

A latency is wall time of one call in evaluation mode on one batch. Calls before the measurement warm up caches and
choose kernels; the median over repeated calls is what is reported, with the quartiles as its spread: on a machine
that does other work, single calls take several times as long.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError, TaskData
from surrogate_nas.networks import build_network
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.spaces.base import Rows
from surrogate_nas.spaces.operations import is_whole
from surrogate_nas.training.device import resolve_device

Floats = npt.NDArray[np.float64]

#: Calls are repeated within one measurement until it takes so many seconds: the clock's steps must not show.
_SHORTEST_S = 2e-4


class Latency(NamedTuple):
    """What one call took, in seconds.

    Attributes:
        median: Over the repeats.
        low: Lower quartile.
        high: Upper quartile.
        repeats: How many.
        batch_size: Samples per call.
    """

    median: float
    low: float
    high: float
    repeats: int
    batch_size: int


@final
@dataclass(frozen=True, kw_only=True)
class LatencySettings:
    """How latencies are measured.

    Attributes:
        batch_size: Samples per call.
        warm_up: Calls that are not counted.
        repeats: Measurements, whose median counts.
        device: "auto", "cpu", "cuda" or "cuda:1".
        threads: Of the CPU.
    """

    batch_size: int = 1
    warm_up: int = 3
    repeats: int = 30
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        resolve_device(self.device)
        for name, least in (("batch_size", 1), ("warm_up", 0), ("repeats", 1), ("threads", 1)):
            if not is_whole(getattr(self, name), least):
                raise InvalidInputError(
                    f"{name}: expected a whole number of at least {least}, got {getattr(self, name)!r}"
                )


def measure_latency(network: nn.Module, input_shape: Sequence[int], settings: LatencySettings | None = None) -> Latency:
    """Measure a network or a layer.

    Args:
        network: Called with (batch_size, *input_shape); it ends in the mode and on the device it came with.
        input_shape: Shape of one input without the batch.
        settings: How; None takes the defaults.
    """
    how = settings or LatencySettings()
    device = resolve_device(how.device)
    # Values do not matter, but zeros may be quicker, and denormal numbers slower, than what networks see.
    x = torch.randn(how.batch_size, *input_shape, generator=torch.Generator().manual_seed(0)).to(device)
    if x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    with _as_measured(network, device, how.threads), torch.inference_mode():
        for _ in range(how.warm_up):
            network(x)
        once = _seconds(network, x, 1, device)
        calls = max(1, round(_SHORTEST_S / max(once, 1e-9)))
        taken = np.array([_seconds(network, x, calls, device) for _ in range(how.repeats)])
    low, median, high = np.quantile(taken, [0.25, 0.5, 0.75])
    return Latency(float(median), float(low), float(high), how.repeats, how.batch_size)


@final
@dataclass
class LatencyTable:
    """Latencies of layers, each measured when it is first asked for; networks are sums of them.

        table = LatencyTable()
        table.latency(network, (3, 32, 32))          # seconds, from layers alone

    What is left out: additions between layers, Python between them, and that a layer does not find in the caches what
    it finds when it is called alone, again and again. Sums are therefore too low, by a factor that a few whole networks
    tell; they rank networks well (analysis/35_compression_and_latency.py).

    Attributes:
        settings: How layers are measured.
        known: Seconds by what a layer is and the shape it reads.
    """

    settings: LatencySettings = field(default_factory=LatencySettings)
    known: dict[tuple[str, tuple[int, ...]], float] = field(default_factory=dict)

    def latency(self, network: nn.Module, input_shape: Sequence[int]) -> float:
        """Sum over the layers of a network, in seconds.

        Args:
            network: Called with (1, *input_shape).
            input_shape: Shape of one input without the batch.
        """
        return sum(self.of_layer(layer, shape) for layer, shape in layer_calls(network, input_shape))

    def of_layer(self, layer: nn.Module, input_shape: tuple[int, ...]) -> float:
        """Latency of one layer in seconds; measured if none like it was.

        Args:
            layer: The layer.
            input_shape: What it reads, without the batch.
        """
        key = (repr(layer), input_shape)
        if key not in self.known:
            self.known[key] = measure_latency(layer, input_shape, self.settings).median
        return self.known[key]


def layer_calls(network: nn.Module, input_shape: Sequence[int]) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """Layers without layers inside, in the order they are called, and what each reads without the batch.

    Args:
        network: Called with (2, *input_shape).
        input_shape: Shape of one input without the batch.
    """
    calls: list[tuple[nn.Module, tuple[int, ...]]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        calls.append((layer, tuple(inputs[0].shape[1:])))

    handles = [m.register_forward_pre_hook(note) for m in network.modules() if not any(True for _ in m.children())]
    try:
        device = next(network.parameters(), torch.empty(0)).device
        with _mode(network), torch.no_grad():
            network(torch.zeros(2, *input_shape, device=device))
    finally:
        for handle in handles:
            handle.remove()
    return [call for call in calls if not isinstance(call[0], nn.Identity)]


def latency_task(
    space: SearchSpace, X: Rows, input_shape: Sequence[int], num_outputs: int,
    settings: LatencySettings | None = None, *, sums: bool = False, **overrides: Any,
) -> TaskData:  # fmt: skip
    """Measured latencies of architectures, as a task for ``MetaPredictor``: learn from some settings, adapt to another.

        sources = {"batch 1": latency_task(space, X, (3, 32, 32), 10), "batch 8": ...}
        MetaPredictor(space).fit(sources).adapt(X_few, y_few, direction="min")

    Args:
        space: The space.
        X: Rows, shape (n, d).
        input_shape: Shape of one input without the batch.
        num_outputs: Number of classes.
        settings: How to measure.
        sums: Whether the logarithm of :func:`layer_sums` goes with each row as a side feature (``extra``), which
            then has to be given for all rows that are asked about.
        **overrides: Fields of the skeleton to replace, as of ``build_network``.

    Returns:
        Rows and their latencies in seconds; lower is better.
    """
    networks = (build_network(space, x, input_shape, num_outputs, **overrides) for x in X)
    latencies: Floats = np.array([measure_latency(network, input_shape, settings).median for network in networks])
    extra = np.log(layer_sums(space, X, input_shape, num_outputs, settings, **overrides))[:, None] if sums else None
    return TaskData(X, latencies, extra, unit="s", direction="min")


def layer_sums(
    space: SearchSpace, X: Rows, input_shape: Sequence[int], num_outputs: int,
    settings: LatencySettings | None = None, **overrides: Any,
) -> Floats:  # fmt: skip
    """Latencies of architectures in seconds, shape (n,), summed from a new :class:`LatencyTable`.

    Args:
        space: The space.
        X: Rows, shape (n, d).
        input_shape: Shape of one input without the batch.
        num_outputs: Number of classes.
        settings: How to measure layers.
        **overrides: Fields of the skeleton to replace, as of ``build_network``.
    """
    table = LatencyTable(settings or LatencySettings())
    networks = (build_network(space, x, input_shape, num_outputs, **overrides) for x in X)
    return np.array([table.latency(network, input_shape) for network in networks])


def _seconds(network: nn.Module, x: Tensor, calls: int, device: torch.device) -> float:
    """Wall time per call; on a GPU until it is done."""
    _finish(device)
    begin = time.perf_counter()
    for _ in range(calls):
        network(x)
    _finish(device)
    return (time.perf_counter() - begin) / calls


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _as_measured(network: nn.Module, device: torch.device, threads: int) -> Iterator[None]:
    """Evaluation mode, device and threads of a measurement; all is as before at the end."""
    before = torch.get_num_threads()
    home = next(network.parameters(), torch.empty(0)).device
    torch.set_num_threads(threads)
    try:
        with _mode(network):
            network.to(device)
            yield
    finally:
        network.to(home)
        torch.set_num_threads(before)


@contextmanager
def _mode(network: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
