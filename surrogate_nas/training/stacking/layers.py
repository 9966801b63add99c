"""Layers of several networks as one layer: values are (b, slots, ...), a slot per network or per place in one."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, final

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from surrogate_nas.networks.dropout import Dropout, draw_mask
from surrogate_nas.training.stacking.tracing import WHOLE, Call, Unstackable


@final
class Pass:
    """One pass through all networks.

    Attributes:
        training: Whether with dropout and statistics of the batch.
        streams: The random numbers of each network; None draws for all networks at once from torch's generator.
        more: What graph layers are called with beside their values.
    """

    def __init__(self, training: bool, streams: Sequence[Generator] | None = None, more: tuple[Any, ...] = ()) -> None:
        self.training, self.streams, self.more = training, streams, more


@final
class StackedLayer:
    """One layer of each of several networks, or a function without weights.

    Attributes:
        owners: Network of each slot.
        tensors: Parameters and buffers by name, with an axis for slots in front.
    """

    def __init__(self, call: Call, owners: Sequence[int], modules: Sequence[nn.Module]) -> None:
        """Stack the weights.

        Args:
            call: What is computed.
            owners: Network of each slot.
            modules: Layer of each slot; empty where it is a function.
        """
        self.what = call.what
        self.owners = list(owners)
        self.module = modules[0] if modules else None
        self.compute = _LAYERS.get(self.what[0], _mapped)
        self.tensors: dict[str, Tensor] = {}
        if self.module is not None:
            trained = {name for name, parameter in self.module.named_parameters() if parameter.requires_grad}
            states = [dict(chain(m.named_parameters(), m.named_buffers())) for m in modules]
            for name in states[0]:
                stacked = torch.stack([state[name].detach() for state in states])
                self.tensors[name] = stacked.requires_grad_(name in trained)
            if isinstance(self.module, nn.BatchNorm1d | nn.BatchNorm2d) and not (
                self.module.affine and self.module.track_running_stats and self.module.momentum
            ):
                raise Unstackable("a normalisation without weights, or without running mean")

    def __call__(self, values: Sequence[Tensor], run: Pass) -> Tensor:
        """Compute the layer: values (b, slots, ...) -> (b, slots, ...)."""
        return self.compute(self, values, run)


def _convolution(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    """Convolutions side by side are one convolution in groups."""
    module: Any = layer.module
    slots, bias = values[0].shape[1], layer.tensors.get("bias")
    convolve = F.conv1d if isinstance(module, nn.Conv1d) else F.conv2d
    result: Tensor = convolve(
        values[0].flatten(1, 2), layer.tensors["weight"].flatten(0, 1), bias if bias is None else bias.flatten(),
        module.stride, module.padding, module.dilation, slots * module.groups,
    )  # fmt: skip
    return result.unflatten(1, (slots, -1))


def _normalisation(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    module: Any = layer.module
    (x,), own = values, layer.tensors
    mean, variance, scale, shift = (own[n].flatten() for n in ("running_mean", "running_var", "weight", "bias"))
    normalised = F.batch_norm(x.flatten(1, 2), mean, variance, scale, shift, run.training, module.momentum, module.eps)
    return normalised.view(x.shape)


def _linear(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    if values[0].ndim != 3:
        return _mapped(layer, values, run)
    x, weight, bias = values[0].transpose(0, 1), layer.tensors["weight"].mT, layer.tensors.get("bias")
    return (x.bmm(weight) if bias is None else torch.baddbmm(bias[:, None], x, weight)).transpose(0, 1)


def _each_number(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    result: Tensor = torch.relu(values[0]) if layer.module is None else layer.module(values[0])
    return result


def _each_channel(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    module: Any = layer.module
    result: Tensor = module(values[0].flatten(1, 2))
    return result.unflatten(1, (values[0].shape[1], -1))


def _flatten(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    return values[0].flatten(2)


def _dropout(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    (x,), module = values, layer.module
    if not run.training or not isinstance(module, nn.Dropout | Dropout):
        return x
    if run.streams is None:
        # Other numbers than each network by itself would draw, and one call for all.
        return F.dropout(x, module.p) if isinstance(module, nn.Dropout) else module.train()(x)
    masks = [_mask(module, x[:, slot], run.streams[owner]) for slot, owner in enumerate(layer.owners)]
    return x * torch.stack(masks, dim=1)


def _mask(module: nn.Dropout | Dropout, x: Tensor, stream: Generator) -> Tensor:
    """The numbers that a network by itself would multiply with."""
    if isinstance(module, Dropout):
        return draw_mask(x.shape, module.cut, x.device, stream)
    # Images are laid out with channels last there, and the numbers are drawn in that order.
    order = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    kept = torch.empty(x.shape, device=x.device, memory_format=order).bernoulli_(1 - module.p, generator=stream)
    return kept.div_(1 - module.p)


def _sum(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    return values[0]  # what is summed has been summed on the way here


def _concatenate(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    return torch.cat([*values], dim=2)


def _slice(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    return values[0][(slice(None), slice(None), *(slice(*part) for part in layer.what[1][1:]))]


def _expand(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    return values[0].expand(-1, -1, *layer.what[1])


def _zeros(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    return values[0].new_zeros(*values[0].shape[:2], *layer.what[1])


def _mapped(layer: StackedLayer, values: Sequence[Tensor], run: Pass) -> Tensor:
    """Whatever else a layer is, mapped over slots."""
    module = layer.module
    if module is None:
        raise Unstackable(f"{layer.what} is not known for several networks at once")
    module.train(run.training)

    def one(tensors: dict[str, Tensor], x: Tensor) -> Tensor:
        result: Tensor = functional_call(module, tensors, (x, *(run.more if isinstance(module, WHOLE) else ())))
        return result

    mapped: Callable[..., Tensor] = vmap(one, in_dims=(0, 1), out_dims=1, randomness="error")
    return mapped(layer.tensors, values[0])


_ELEMENTWISE = (
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Softplus, nn.Sigmoid, nn.Tanh,
)  # fmt: skip
_CHANNELWISE = (
    nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
    nn.ConstantPad1d, nn.ConstantPad2d,
)  # fmt: skip

_LAYERS: dict[Any, Callable[[StackedLayer, Sequence[Tensor], Pass], Tensor]] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d), _convolution),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d), _normalisation),
    **dict.fromkeys(_ELEMENTWISE, _each_number),
    **dict.fromkeys(_CHANNELWISE, _each_channel),
    **dict.fromkeys((nn.Dropout, Dropout), _dropout),
    nn.Linear: _linear,
    nn.Flatten: _flatten,
    "sum": _sum,
    "concatenate": _concatenate,
    "slice": _slice,
    "expand": _expand,
    "zeros": _zeros,
}
