"""Proxies of a space's architectures: from a row to a network to its scores; failures are results."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy.typing as npt
import torch

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks import build_network, check_buildable
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.training.device import isolated, resolve_device
from surrogate_nas.training.proxies.batches import ProxyBatch
from surrogate_nas.training.proxies.compute import compute_proxies
from surrogate_nas.training.proxies.names import checked_names


@final
@dataclass(frozen=True)
class ProxyScores:
    """Proxies of one architecture.

    Attributes:
        architecture: Its text.
        values: Name -> value; NaN where a proxy is not defined, and everywhere where the network could not be run.
        seconds: What it took, the building of the network included.
        reason: Why the network could not be run; "" where it could.
    """

    architecture: str
    values: Mapping[str, float]
    seconds: float
    reason: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class ProxyScorer:
    """Scores architectures of one space, all on the same batch and with weights of the same seed.

    A result depends on the architecture, the batch and the seed alone: not on what was scored before, in which process
    or on how many threads.

    Attributes:
        space: The space of the architectures.
        batch: What the networks read.
        names: Which proxies, of :data:`PROXIES`; None computes all.
        seed: Seed of the weights.
        device: "auto", "cpu", "cuda" or "cuda:1".
        skeleton: Fields of the space's skeleton that differ, for ``build_network``.
    """

    space: SearchSpace
    batch: ProxyBatch
    names: Sequence[str] | None = None
    seed: int = 0
    device: str = "cpu"
    skeleton: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_buildable(self.space)
        if self.space.skeleton.input_kind == "graph":
            raise InvalidInputError(
                f"space {self.space.name!r}: expected networks for images, sequences or tabular data, got those of "
                "graphs; proxies do not read graphs"
            )
        object.__setattr__(self, "names", checked_names(self.names))
        resolve_device(self.device)

    def score(self, x: npt.ArrayLike) -> ProxyScores:
        """Proxies of one architecture.

        Args:
            x: One valid row of the space, shape (d,).

        Raises:
            InvalidInputError: ``x`` is not one valid row, or its networks do not read such inputs.
        """
        device = resolve_device(self.device)
        names = checked_names(self.names)
        values, reason = dict.fromkeys(names, float("nan")), ""
        begin = time.perf_counter()
        with isolated(device):
            torch.manual_seed(self.seed)
            # The second classifier of a space that has one is for training alone.
            changes = {"auxiliary": False, **self.skeleton}
            network = build_network(self.space, x, self.batch.input_shape, self.batch.num_outputs, **changes).to(device)
            try:
                values = compute_proxies(network, self.batch.inputs, self.batch.targets, names, seed=self.seed)
            except InvalidInputError:  # the batch does not fit the space's networks, whichever it is
                raise
            except (RuntimeError, ValueError, MemoryError) as error:
                reason = " ".join(str(error).split())[:200] or type(error).__name__
        return ProxyScores(self.space.format(x)[0], values, time.perf_counter() - begin, reason)
