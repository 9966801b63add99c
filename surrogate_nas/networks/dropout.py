"""Dropout that draws eight masks from one random number."""

import math
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn


@final
class Dropout(nn.Module):
    """Dropout whose rate is a multiple of 1/256, drawn byte by byte.

    torch's own draws one Bernoulli number per value, which on a CPU costs more than everything
    else in a small graph network; this takes a sixth of the time. The random numbers come from
    torch's generator of the tensor's device.
    """

    def __init__(self, rate: float) -> None:
        """Keep the rate.

        Args:
            rate: Probability of a value to become zero, in [0, 1), rounded to a multiple of 1/256.
        """
        super().__init__()
        self.rate = rate
        self.cut = round(rate * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Drop values in training mode; the others are scaled so that the mean stays."""
        if not self.training or self.cut == 0:
            return x
        result: Tensor = _Drop.apply(x, self.cut)[0]
        return result

    def extra_repr(self) -> str:
        """Show the rate."""
        return f"rate={self.rate}"


def draw_mask(shape: Sequence[int], cut: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
    """What values are multiplied with: 0, or the scale of what is kept.

    Args:
        shape: Shape of the values.
        cut: How many of 256 are dropped on average.
        device: Where they are.
        generator: The random stream; None is torch's own.
    """
    n = math.prod(shape)
    words = torch.randint(-(2**63), 2**63 - 1, (-(-n // 8),), dtype=torch.int64, device=device, generator=generator)
    kept = words.view(torch.uint8)[:n].view(*shape) >= cut
    return kept * (256 / (256 - cut))


class _Drop(torch.autograd.Function):
    """Returns (result, mask); the mask holds 0 or the scale of what is kept."""

    @staticmethod
    def forward(x: Tensor, cut: int) -> tuple[Tensor, Tensor]:
        mask = draw_mask(x.shape, cut, x.device)
        return x * mask, mask

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Tensor, None]:
        return grad * ctx.saved_tensors[0], None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, cut: int
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        # A mask of its own for each of the mapped tensors, since all values are drawn.
        return _Drop.apply(x.movedim(in_dims[0] or 0, 0), cut), (0, 0)
