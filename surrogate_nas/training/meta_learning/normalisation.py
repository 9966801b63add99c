"""Batch normalisation for few-shot tasks: statistics of the task at hand, never of earlier ones.

Running statistics mean nothing where every batch is a task of its own: of other classes, under other weights. So
statistics are those of the samples at hand. Which ones is a matter of honesty: the code of MAML [1] takes all
queries of a task at once, so that each is judged with the others' help ("transductive"; [2] found that this alone
adds several percent). Here the support set is the reference by default: a query's answer depends on what the task
is learned from and on itself.

Normalisations are written out here: the second derivatives of torch's own batch and layer normalisation are wrong
under ``torch.func.vmap``, without a word (seen with torch 2.13; those of group normalisation are right).

References:
    [1] Finn, Abbeel and Levine, Model-agnostic meta-learning, ICML 2017, https://arxiv.org/abs/1703.03400
    [2] Nichol, Achiam and Schulman, On first-order meta-learning algorithms, 2018, https://arxiv.org/abs/1803.02999
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@final
class Reference:
    """How many samples at the beginning of a batch its statistics are taken from; None takes all."""

    def __init__(self) -> None:
        self.count: int | None = None

    @contextmanager
    def first(self, count: int) -> Iterator[None]:
        """Take the first ones within the block."""
        self.count = count
        try:
            yield
        finally:
            self.count = None


@final
class TaskNorm(nn.Module):
    """Batch normalisation by the statistics of the samples at hand, with the scale and shift of another one."""

    def __init__(self, norm: Any, reference: Reference) -> None:
        """Take over scale and shift.

        Args:
            norm: A batch normalisation of torch.
            reference: Says whose statistics count; one for all layers of a network.
        """
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.reference = reference

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel: (n, channels, ...) -> the same."""
        known = x if self.reference.count is None else x[: self.reference.count]
        normal = _normalised(x, known, (0, *range(2, x.ndim)), self.eps)
        per_channel = (1, -1, *(1,) * (x.ndim - 2))
        return _shifted(normal, self.weight, self.bias, per_channel)


@final
class SampleNorm(nn.Module):
    """Layer normalisation, written out."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        """Take over scale and shift."""
        super().__init__()
        self.weight, self.bias, self.eps, self.shape = norm.weight, norm.bias, norm.eps, norm.normalized_shape

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each sample over its last axes."""
        axes = tuple(range(-len(self.shape), 0))
        return _shifted(_normalised(x, x, axes, self.eps), self.weight, self.bias, self.shape)


def with_task_norms(network: nn.Module) -> Reference:
    """Replace every batch and layer normalisation in a network, and return what the former refer to.

    Args:
        network: Changed.
    """
    reference = Reference()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, TaskNorm(child, reference))
            elif isinstance(child, nn.LayerNorm):
                setattr(module, name, SampleNorm(child))
    return reference


def _normalised(x: Tensor, known: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """Samples less the mean of the known ones, by their deviation."""
    variance, mean = torch.var_mean(known, axes, correction=0, keepdim=True)
    return (x - mean) * (variance + eps).rsqrt()


def _shifted(normal: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """Scaled and shifted, where a normalisation has numbers for it."""
    scaled = normal if weight is None else normal * weight.view(shape)
    return scaled if bias is None else scaled + bias.view(shape)
