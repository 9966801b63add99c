"""All proxies of one network, sharing passes between those that read the same."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks.counting import count_flops, count_parameters
from surrogate_nas.training.proxies.codes import nwot
from surrogate_nas.training.proxies.gradient_sums import grad_norm, grasp, l2_norm, plain, snip
from surrogate_nas.training.proxies.jacobians import epe_nas, jacov
from surrogate_nas.training.proxies.names import checked_names
from surrogate_nas.training.proxies.synflow import synflow
from surrogate_nas.training.proxies.training_pass import (
    CODES,
    CURVATURE,
    FISHER,
    GRADIENTS,
    JACOBIAN,
    TrainingPass,
    training_pass,
)
from surrogate_nas.training.proxies.zen import zen

#: Samples that Zen-Score and GraSP look at, at most: the first ones. Zen-Score is as steady with so few, and GraSP,
#: which differentiates gradients, would take longer with all than everything else together.
FEW_SAMPLES = 16

MILLION = 1e6

Readers = dict[str, tuple[str, Callable[[TrainingPass], float]]]

#: Name -> what has to be found out in the pass over the batch, and what the proxy makes of it.
_FROM_PASS: Readers = {
    "nwot": (CODES, lambda found: nwot(found.agreement)),
    "grad_norm": (GRADIENTS, grad_norm),
    "snip": (GRADIENTS, snip),
    "plain": (GRADIENTS, plain),
    "fisher": (FISHER, lambda found: found.fisher),
    "jacov": (JACOBIAN, jacov),
    "epe_nas": (JACOBIAN, epe_nas),
}

#: The same, in a pass over few samples.
_FROM_FEW: Readers = {"grasp": (CURVATURE, grasp)}


def compute_proxies(
    network: nn.Module,
    inputs: Tensor | npt.NDArray[Any],
    targets: Tensor | npt.NDArray[Any],
    names: Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """Zero-cost proxies of one network with the weights that it has.

        network = build_network(space, x, (3, 32, 32), 10)
        compute_proxies(network, images, labels)                       # all thirteen
        compute_proxies(network, images, labels, ["synflow", "nwot"])  # two of them, in a tenth of the time

    The network stays as it is: weights, gradients, running statistics, modes and hooks. Normalisations use the
    statistics of the batch, dropout is off. Proxies that read the same gradients share the pass that makes them;
    ``zen`` and ``grasp`` look at 16 samples. Where a proxy is not defined it is NaN: ``epe_nas`` of a
    regression, ``nwot`` without activation layers (functions such as ``torch.relu`` are not seen), ``jacov`` and
    ``epe_nas`` where the network gives the same for every sample, and whatever comes out infinite.

    Args:
        network: Takes a batch, gives one row of scores per sample. Networks that read a graph are not for proxies.
        inputs: At least two samples, float (n, *input_shape), standardised.
        targets: Class of each, integers (n,), for the cross-entropy; or a number, for the squared error.
        names: Which proxies, of :data:`PROXIES`; None computes all.
        seed: Draws the weights and inputs that ``zen`` brings itself.

    Returns:
        Name -> value, in the order of the names; as published: ``params`` and ``flops`` in millions, ``synflow`` as
        a logarithm.

    Raises:
        UnknownNameError: There is no such proxy.
        InvalidInputError: Inputs and targets do not belong together, or the network does not fit to them.
    """
    wanted = checked_names(names)
    x, y = _checked_batch(network, inputs, targets)
    shape = tuple(x.shape[1:])
    found: dict[str, float] = {}
    of_network: dict[str, Callable[[], float]] = {
        "params": lambda: count_parameters(network) / MILLION,
        "flops": lambda: count_flops(network, shape, elementwise=True) / MILLION,
        "l2_norm": lambda: l2_norm(network),
        "synflow": lambda: synflow(network, shape),
        "zen": lambda: _zen(network, x, seed),
    }
    for name in wanted:
        if name in of_network:
            found[name] = of_network[name]()
    found |= _from_pass(network, x, y, [name for name in wanted if name in _FROM_PASS], _FROM_PASS)
    few = [name for name in wanted if name in _FROM_FEW]
    found |= _from_pass(network, x[:FEW_SAMPLES], y[:FEW_SAMPLES], few, _FROM_FEW)
    return {name: found[name] if math.isfinite(found[name]) else math.nan for name in wanted}


def _from_pass(network: nn.Module, x: Tensor, y: Tensor, names: Sequence[str], readers: Readers) -> dict[str, float]:
    if not names:
        return {}
    seen = training_pass(network, x, y, frozenset(readers[name][0] for name in names))
    return {name: readers[name][1](seen) for name in names}


def _zen(network: nn.Module, x: Tensor, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    return zen(network, tuple(x.shape[1:]), min(len(x), FEW_SAMPLES), generator)


def _checked_batch(network: nn.Module, inputs: Any, targets: Any) -> tuple[Tensor, Tensor]:
    """Inputs as float32 and targets as int64 or float32, where the network is."""
    x, y = torch.as_tensor(inputs), torch.as_tensor(targets)
    if x.ndim < 2 or len(x) < 2 or y.shape != (len(x),):
        raise InvalidInputError(
            f"inputs, targets: expected at least two samples with a target each, got shapes {tuple(x.shape)} and "
            f"{tuple(y.shape)}"
        )
    if not bool(x.isfinite().all()) or not bool(y.isfinite().all()):
        raise InvalidInputError("inputs, targets: expected finite numbers, got NaN or infinite values")
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    return x.detach().to(device, torch.float32), y.to(device, torch.float32 if y.is_floating_point() else torch.int64)
