"""How large a network is, and how much it computes."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn.dense.linear import Linear as GraphLinear

from surrogate_nas.networks.vector_layers import ACTIVATIONS

#: What a layer does to make one number of its output, where that does not depend on more than its settings.
_PER_OUTPUT: dict[type[nn.Module], Callable[[Any], int]] = {
    nn.Conv1d: lambda m: m.in_channels // m.groups * math.prod(m.kernel_size),
    nn.Conv2d: lambda m: m.in_channels // m.groups * math.prod(m.kernel_size),
    nn.Linear: lambda m: m.in_features,
    GraphLinear: lambda m: m.in_channels,
}
_ELEMENTWISE: dict[type[nn.Module], Callable[[Any], int]] = {
    nn.BatchNorm1d: lambda _: 2,
    nn.BatchNorm2d: lambda _: 2,
    nn.GroupNorm: lambda _: 2,
    nn.LayerNorm: lambda _: 2,
    **{kind: lambda _: 1 for kind in ACTIVATIONS.values()},
    nn.AvgPool1d: lambda m: math.prod(m.kernel_size),
    nn.AvgPool2d: lambda m: _positions(m.kernel_size, 2),
    nn.MaxPool1d: lambda m: _positions(m.kernel_size, 1),
    nn.MaxPool2d: lambda m: _positions(m.kernel_size, 2),
}


def count_parameters(network: nn.Module) -> int:
    """Number of trained numbers: weights, biases, scales and shifts; running means and variances are none.

    Args:
        network: Any module; one on the device "meta" is counted without memory for its weights.
    """
    return sum(p.numel() for p in network.parameters())


def count_flops(network: nn.Module, input_shape: int | Sequence[int], *further: Any, elementwise: bool = False) -> int:
    """Multiplications with an addition that convolutions and linear layers do for one input.

    This is what most of the literature calls FLOPs: one multiplication and one addition count once; biases,
    normalisations, activations and poolings do not count. Nor do products outside such layers, so that of graph
    operations the linear layers do, and all of ARMA does not. A layer that is called twice counts twice. The network
    is run once, as in evaluation, and is left as it was; on the device "meta" nothing is computed.

    NAS-Bench-201 and NATS-Bench published this number and one for each class, the additions of the last bias [1].
    With ``elementwise`` it is that of NAS-Bench-Suite-Zero [2], but for a constant.

    Args:
        network: Any module.
        input_shape: Shape of one input without the batch, as in
            :func:`~surrogate_nas.networks.build_network`; (features,) counts per node of a graph.
        *further: What the network is called with beside a batch of one input: edges, for one on graphs.
        elementwise: Whether normalisations count as well, twice for each number, activations, once, and poolings, for
            each position that they read; those over all positions do not.

    References:
        [1] Dong and Yang, NAS-Bench-201, ICLR 2020, https://arxiv.org/abs/2001.00326
        [2] Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022, https://arxiv.org/abs/2210.03230
    """
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
    counted = _PER_OUTPUT | _ELEMENTWISE if elementwise else _PER_OUTPUT
    total = 0

    def add(module: nn.Module, _: Any, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * counted[type(module)](module)

    hooks = [module.register_forward_hook(add) for module in network.modules() if type(module) in counted]
    first = next(network.parameters(), torch.empty(0))
    try:
        with _evaluated(network), torch.no_grad():
            network(torch.zeros((1, *shape), device=first.device, dtype=first.dtype), *further)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def _positions(kernel: int | tuple[int, ...], dims: int) -> int:
    return kernel**dims if isinstance(kernel, int) else math.prod(kernel)


@contextmanager
def _evaluated(network: nn.Module) -> Iterator[None]:
    """The network in evaluation mode, and each part of it back in its own afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
