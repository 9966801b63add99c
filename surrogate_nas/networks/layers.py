"""Layers of convolutional networks, for sequences and images: what an operation of a vocabulary becomes.

What a layer is follows from the attributes of the operation (kind, kernel, traits, settings), never from its name,
so that a space of one's own trains as well as a published one.

Settings are those of the benchmarks that the layers come from: NAS-Bench-201 [1] for convolutions with their
activation before them and for poolings, NAS-Bench-101 [2] for those with it behind, DARTS [3] for separable and
dilated convolutions and for the halving of the resolution, MobileNetV2 [4] for inverted residuals, ShuffleNet [5] for
the order of grouped channels, TransNAS-Bench-101 [6] for residual blocks.

References:
    [1] Dong and Yang, NAS-Bench-201, ICLR 2020, https://arxiv.org/abs/2001.00326
    [2] Ying et al., NAS-Bench-101, ICML 2019, https://arxiv.org/abs/1902.09635
    [3] Liu et al., DARTS, ICLR 2019, https://arxiv.org/abs/1806.09055
    [4] Sandler et al., MobileNetV2, CVPR 2018, https://arxiv.org/abs/1801.04381
    [5] Zhang et al., ShuffleNet, CVPR 2018, https://arxiv.org/abs/1707.01083
    [6] Duan et al., TransNAS-Bench-101, CVPR 2021, https://arxiv.org/abs/2105.11871
"""

import math
from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks.form import Form
from surrogate_nas.spaces import Operation
from surrogate_nas.spaces.operations import PROJECTION


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
        self.shift = form.zeros(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the layer: (n, width_in, l) -> (n, width, ceil(l / 2))."""
        x = self.activation(x)
        return self.normalisation(torch.cat([self.even(x), self.odd(self.shift(x))], dim=1))


@final
class ChannelShuffle(nn.Module):
    """Channels of all groups by turns, so that what grouped convolutions keep apart meets."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Reorder channels: (n, width, ...) -> (n, width, ...)."""
        return x.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)

    def extra_repr(self) -> str:
        """Show the groups."""
        return f"groups={self.groups}"


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


def kernel_of(op: Operation) -> int:
    """Positions along an axis that a layer reads at once: the setting where the attribute says what several see."""
    return max(1, int(op.setting("kernel", op.kernel)))


def _identity(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    if op.setting("pointwise") and (stride != 1 or width_in != width):
        return _pointwise(form, width_in, width, stride, activated=bool(op.setting("activated")))
    return projection(form, width_in, width, stride)


def _pointwise(form: Form, width_in: int, width: int, stride: int, *, activated: bool = False) -> nn.Module:
    """One 1x1 convolution that changes width and resolution."""
    layers = [form.convolution(width_in, width, 1, stride), form.normalisation(width)]
    return nn.Sequential(*layers, *[nn.ReLU()] * activated)


def _pooling(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    kernel, mean = kernel_of(op), op.trait("mean")
    if kernel == stride and op.setting("downsamples"):
        pooling = form.shrinking(kernel, mean=mean)
    elif kernel % 2:
        pooling = form.pooling(kernel, stride, mean=mean)
    else:
        raise InvalidInputError(
            f"operation {op.name!r}: expected a pooling of odd kernel, or one whose stride is its kernel (settings = "
            f"{{ downsamples = 1 }}), got kernel {kernel}"
        )
    return pooling if width_in == width else nn.Sequential(form.block(width_in, width, 1), pooling)


def _convolution(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    for what, make in _CONVOLUTIONS.items():
        if op.trait(what) or op.setting(what):
            return make(form, op, width_in, width, stride)
    aligned = bool(op.setting("downsamples")) and kernel_of(op) == stride
    return form.plain(width_in, width, kernel_of(op), stride, aligned=aligned)


def _separable(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    """Twice a depthwise and a pointwise convolution, the first strided."""
    first = _depthwise(form, op, width_in, width_in, stride)
    return nn.Sequential(*first, *_depthwise(form, op, width_in, width, 1))


def _depthwise(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Sequential:
    kernel, dilation = kernel_of(op), int(op.setting("dilation", 1))
    return nn.Sequential(
        nn.ReLU(),
        form.convolution(width_in, width_in, kernel, stride, dilation=dilation, groups=width_in),
        form.convolution(width_in, width, 1),
        form.normalisation(width),
    )


def _inverted_residual(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    """A depthwise convolution at a larger width, between two pointwise ones; activations follow all but the last."""
    wide = round(width_in * op.setting("expansion", 1))
    groups = math.gcd(int(op.setting("groups", 1)), width_in, wide, width)  # widths may be scaled
    inner = nn.Sequential(
        form.convolution(width_in, wide, 1, groups=groups),
        form.normalisation(wide),
        nn.ReLU(),
        *[ChannelShuffle(groups)] * (groups > 1),
        form.convolution(wide, wide, kernel_of(op), stride, groups=wide),
        form.normalisation(wide),
        nn.ReLU(),
        form.convolution(wide, width, 1, groups=groups),
        form.normalisation(width),
    )
    return Residual(inner, nn.Identity()) if stride == 1 and width_in == width else inner


def _residual(form: Form, op: Operation, width_in: int, width: int, stride: int) -> nn.Module:
    same = stride == 1 and width_in == width
    around = nn.Identity() if same else _pointwise(form, width_in, width, stride)
    return residual_block(form, width_in, width, stride, around)


#: Trait or setting of a convolution -> what it is then; the first that applies.
_CONVOLUTIONS: dict[str, Maker] = {
    PROJECTION: _identity,
    "expansion": _inverted_residual,
    "residual": _residual,
    "separable": _separable,
    "dilated": _depthwise,
    "depthwise": _depthwise,
}

_LAYERS: dict[str, Maker] = {"convolution": _convolution, "pooling": _pooling, "identity": _identity}
