"""Layers of convolutional networks, for sequences and images: what an operation of a vocabulary becomes.

What a layer is follows from the attributes of the operation (kind, kernel, traits, settings), never from its name,
so that a space of one's own trains as well as a published one.

Settings are those of the benchmarks that the layers come from: NAS-Bench-201 [1] for convolutions with their
activation before them and for poolings, NAS-Bench-101 [2] for those with it behind, DARTS [3] for separable and
dilated convolutions and for the halving of the resolution, MobileNetV2 [4] for inverted residuals.

References:
    [1] Dong and Yang, NAS-Bench-201, ICLR 2020, https://arxiv.org/abs/2001.00326
    [2] Ying et al., NAS-Bench-101, ICML 2019, https://arxiv.org/abs/1902.09635
    [3] Liu et al., DARTS, ICLR 2019, https://arxiv.org/abs/1806.09055
    [4] Sandler et al., MobileNetV2, CVPR 2018, https://arxiv.org/abs/1801.04381
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import Operation
from surrogate_nas.spaces.operations import PROJECTION
from surrogate_nas.spaces.skeleton import Activation

_CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d}
_NORMALISATION = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}
_MEAN = {1: nn.AvgPool1d, 2: nn.AvgPool2d}
_MAXIMUM = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
_ZEROS: dict[int, Callable[[Any, float], nn.Module]] = {1: nn.ConstantPad1d, 2: nn.ConstantPad2d}
_GLOBAL = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d}


@dataclass(frozen=True, slots=True)
class Form:
    """What all layers of a network have in common.

    Attributes:
        dims: Axes that a convolution slides over: 1 for sequences, 2 for images.
        activation: Where the activation of a convolution stands.
    """

    dims: int
    activation: Activation = "before"

    def convolution(
        self, width_in: int, width: int, kernel: int, stride: int = 1, *, dilation: int = 1, groups: int = 1
    ) -> nn.Module:
        """A bare convolution without bias that keeps the length, or divides it by the stride and rounds up."""
        make = _CONVOLUTION[self.dims]
        span = dilation * (kernel - 1)
        if span % 2 == 0:
            return make(
                width_in, width, kernel, stride, padding=span // 2, dilation=dilation, groups=groups, bias=False
            )
        pad = _ZEROS[self.dims]((span // 2, span - span // 2) * self.dims, 0.0)
        return nn.Sequential(pad, make(width_in, width, kernel, stride, dilation=dilation, groups=groups, bias=False))

    def normalisation(self, width: int) -> nn.Module:
        """Batch normalisation with scale and shift."""
        return _NORMALISATION[self.dims](width)

    def block(self, width_in: int, width: int, kernel: int, stride: int = 1, *, dilation: int = 1) -> nn.Module:
        """Convolution, normalisation and activation, in the order of this form."""
        convolution = self.convolution(width_in, width, kernel, stride, dilation=dilation)
        if self.activation == "before":
            return nn.Sequential(nn.ReLU(), convolution, self.normalisation(width))
        return nn.Sequential(convolution, self.normalisation(width), nn.ReLU())

    def pooling(self, kernel: int, stride: int, *, mean: bool) -> nn.Module:
        """A pooling that keeps the length, or divides it by the stride and rounds up; zeros beside it do not count."""
        if mean:
            return _MEAN[self.dims](kernel, stride, padding=kernel // 2, count_include_pad=False)
        return _MAXIMUM[self.dims](kernel, stride, padding=kernel // 2)

    def halving(self, *, mean: bool) -> nn.Module:
        """A pooling of two by two; an odd length is rounded up, as strided convolutions do."""
        if mean:
            return _MEAN[self.dims](2, 2, ceil_mode=True, count_include_pad=False)
        return _MAXIMUM[self.dims](2, 2, ceil_mode=True)

    def resized(self, length: int) -> nn.Module:
        """Mean over equal parts, so that this length remains."""
        return _GLOBAL[self.dims](length)

    def joined(self, width_in: int, width: int, length: int) -> nn.Module:
        """A convolution over all positions of that length, so that one remains."""
        return _CONVOLUTION[self.dims](width_in, width, length, bias=False)

    def to_vector(self) -> nn.Module:
        """Mean over all positions: (n, c, ...) -> (n, c)."""
        return nn.Sequential(_GLOBAL[self.dims](1), nn.Flatten())


@final
class Halved(nn.Module):
    """Two 1x1 convolutions of stride 2 side by side, one of them shifted by a position, as in DARTS."""

    def __init__(self, form: Form, width_in: int, width: int) -> None:
        super().__init__()
        self.activation = nn.ReLU()
        self.even = form.convolution(width_in, width // 2, 1, 2)
        self.odd = form.convolution(width_in, width - width // 2, 1, 2)
        self.normalisation = form.normalisation(width)
        # One more position, so that an odd length is rounded up on both sides.
        self.shift = _ZEROS[form.dims]((-1, 1) * form.dims, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the layer: (n, width_in, l) -> (n, width, ceil(l / 2))."""
        x = self.activation(x)
        return self.normalisation(torch.cat([self.even(x), self.odd(self.shift(x))], dim=1))


@final
class Residual(nn.Module):
    """A module beside a way around it; the two are added."""

    def __init__(self, inner: nn.Module, around: nn.Module) -> None:
        super().__init__()
        self.inner, self.around = inner, around

    def forward(self, x: Tensor) -> Tensor:
        """Compute the layer."""
        result: Tensor = self.inner(x) + self.around(x)
        return result


def projection(form: Form, width_in: int, width: int, stride: int) -> nn.Module:
    """What an identity becomes where it has to change resolution or width; an identity where it has not to."""
    if stride == 1 and width_in == width:
        return nn.Identity()
    if stride == 2:
        return Halved(form, width_in, width)
    return nn.Sequential(form.convolution(width_in, width, 1, stride), form.normalisation(width))


def residual_block(form: Form, width_in: int, width: int, stride: int, around: nn.Module) -> nn.Module:
    """Two 3x3 convolutions beside a way around them, as in ResNet."""
    return Residual(nn.Sequential(form.block(width_in, width, 3, stride), form.block(width, width, 3)), around)


def make_layer(form: Form, op: Operation, width_in: int, width: int, stride: int = 1) -> nn.Module:
    """Make the layer that an operation stands for.

    Args:
        form: What all layers of the network have in common.
        op: The operation.
        width_in: Channels of the input.
        width: Channels of the output.
        stride: By how much the length is divided.

    Returns:
        A module (n, width_in, l) -> (n, width, ceil(l / stride)), with two lengths for images.

    Raises:
        InvalidInputError: There is no such layer for sequences and images.
    """
    if op.kind not in _LAYERS:
        raise InvalidInputError(
            f"operation {op.name!r}: expected a kind that convolutional networks have ({', '.join(_LAYERS)}), got "
            f"{op.kind!r}"
        )
    return _LAYERS[op.kind](form, op, width_in, width, stride)


Maker = Callable[[Form, Operation, int, int, int], nn.Module]


def _identity(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    return projection(form, width_in, width, stride)


def _pooling(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    kernel = int(op.setting("kernel", op.kernel))
    pooling = form.pooling(kernel, stride, mean=op.trait("mean"))
    return pooling if width_in == width else nn.Sequential(form.block(width_in, width, 1), pooling)


def _convolution(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    for what, make in _CONVOLUTIONS.items():
        if op.trait(what) or op.setting(what):
            return make(form, op, width_in, width, stride)
    return form.block(width_in, width, int(op.setting("kernel", op.kernel)), stride)


def _separable(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    """Twice a depthwise and a pointwise convolution, the first strided."""
    first = _depthwise(form, op, width_in, width_in, stride)
    return nn.Sequential(*first, *_depthwise(form, op, width_in, width, 1))


def _depthwise(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Sequential:
    kernel, dilation = int(op.setting("kernel", op.kernel)), int(op.setting("dilation", 1))
    return nn.Sequential(
        nn.ReLU(),
        form.convolution(width_in, width_in, kernel, stride, dilation=dilation, groups=width_in),
        form.convolution(width_in, width, 1),
        form.normalisation(width),
    )


#: Trait or setting of a convolution -> what it is then; the first that applies.
_CONVOLUTIONS: dict[str, Maker] = {
    PROJECTION: _identity,
    "separable": _separable,
    "dilated": _depthwise,
}

_LAYERS: dict[str, Maker] = {"convolution": _convolution, "pooling": _pooling, "identity": _identity}
