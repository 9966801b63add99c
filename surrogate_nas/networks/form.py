"""Layers without attributes of operations: the same for sequences and images, whose axes are all they differ in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

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
        activated: Whether a plain convolution has an activation; not where these are operations of their own.
        normalised: Whether it has a normalisation; a bias stands in its place otherwise.
    """

    dims: int
    activation: Activation = "before"
    activated: bool = True
    normalised: bool = True

    def convolution(
        self,
        width_in: int,
        width: int,
        kernel: int,
        stride: int = 1,
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
        aligned: bool = False,
    ) -> nn.Module:
        """A bare convolution that keeps the length, or divides it by the stride and rounds up.

        Args:
            width_in: Channels of the input.
            width: Channels of the output.
            kernel: Positions that it reads at once.
            stride: By how much it divides the length.
            dilation: Distance of those positions.
            groups: Groups of channels that it keeps apart.
            bias: Whether it adds one.
            aligned: Whether it first reads the very first positions, rather than having them in its middle.
        """
        make = _CONVOLUTION[self.dims]
        span = dilation * (kernel - 1)
        common: dict[str, Any] = {"dilation": dilation, "groups": groups, "bias": bias}
        if aligned or span % 2:
            before = 0 if aligned else span // 2
            return nn.Sequential(self.zeros(before, span - before), make(width_in, width, kernel, stride, **common))
        return make(width_in, width, kernel, stride, padding=span // 2, **common)

    def zeros(self, before: int, behind: int) -> nn.Module:
        """Zeros beside each axis; a negative number cuts off."""
        return _ZEROS[self.dims]((before, behind) * self.dims, 0.0)

    def normalisation(self, width: int) -> nn.Module:
        """Batch normalisation with scale and shift."""
        return _NORMALISATION[self.dims](width)

    def block(self, width_in: int, width: int, kernel: int, stride: int = 1) -> nn.Module:
        """Convolution, normalisation and activation, in the order of this form."""
        convolution = self.convolution(width_in, width, kernel, stride)
        if self.activation == "before":
            return nn.Sequential(nn.ReLU(), convolution, self.normalisation(width))
        return nn.Sequential(convolution, self.normalisation(width), nn.ReLU())

    def plain(self, width_in: int, width: int, kernel: int, stride: int = 1, *, aligned: bool = False) -> nn.Module:
        """A block without what stands beside it as operations of their own."""
        bias = not self.normalised
        convolution = self.convolution(width_in, width, kernel, stride, bias=bias, aligned=aligned)
        activation = [nn.ReLU()] * self.activated
        normalisation = [self.normalisation(width)] * self.normalised
        if self.activation == "before":
            return nn.Sequential(*activation, convolution, *normalisation)
        return nn.Sequential(convolution, *normalisation, *activation)

    def pooling(self, kernel: int, stride: int, *, mean: bool) -> nn.Module:
        """A pooling that keeps the length, or divides it by the stride and rounds up; zeros beside it do not count."""
        if mean:
            return _MEAN[self.dims](kernel, stride, padding=kernel // 2, count_include_pad=False)
        return _MAXIMUM[self.dims](kernel, stride, padding=kernel // 2)

    def shrinking(self, factor: int, *, mean: bool) -> nn.Module:
        """A pooling of parts side by side; what is left over is a part, too, as with strided convolutions."""
        if mean:
            return _MEAN[self.dims](factor, factor, ceil_mode=True, count_include_pad=False)
        return _MAXIMUM[self.dims](factor, factor, ceil_mode=True)

    def halving(self, *, mean: bool) -> nn.Module:
        """A pooling of two by two; an odd length is rounded up, as strided convolutions do."""
        return self.shrinking(2, mean=mean)

    def resized(self, length: int) -> nn.Module:
        """Mean over equal parts, so that this length remains."""
        return _GLOBAL[self.dims](length)

    def joined(self, width_in: int, width: int, length: int) -> nn.Module:
        """A convolution over all positions of that length, so that one remains."""
        return _CONVOLUTION[self.dims](width_in, width, length, bias=False)

    def to_vector(self) -> nn.Module:
        """Mean over all positions: (n, c, ...) -> (n, c)."""
        return nn.Sequential(_GLOBAL[self.dims](1), nn.Flatten())
