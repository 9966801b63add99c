"""Training of m networks as one program: folds, losses, and the loop; parameters as arrays."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from surrogate_nas.core.threads import one_thread

#: The parameters of m networks by name, each with a leading axis of m.
Parameters = dict[str, Tensor]

#: Share of the steps in which the learning rate rises; then it falls as a cosine to zero.
RISE = 0.1

#: Fewest rows of which networks leave some out: with fewer, too little would be left to learn from.
FEWEST_TO_LEAVE_OUT = 4


@final
@dataclass(frozen=True)
class Schedule:
    """How long and how fast networks learn.

    Attributes:
        steps: Number of updates.
        batch_size: Rows per update.
        learning_rate: Its highest value.
        weight_decay: Pull towards zero per update, relative to the learning rate.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float


def rows_seen(n: int, n_models: int, generator: torch.Generator) -> Tensor:
    """Which rows each network learns from, bool of shape (m, n); every row is left out by one of several networks."""
    if n_models == 1 or n < FEWEST_TO_LEAVE_OUT:
        return torch.ones(n_models, n, dtype=torch.bool)
    fold = torch.randperm(n, generator=generator) % n_models
    return fold != torch.arange(n_models)[:, None]


@one_thread()
def train(
    parameters: Parameters,
    loss: Callable[[Parameters, Tensor], Tensor],
    n: int,
    plan: Schedule,
    generator: torch.Generator,
) -> Parameters:
    """Adam with decoupled weight decay on random batches; every row comes once before any comes again.

    Args:
        parameters: Where to start; they stay as they are.
        loss: From parameters and positions of rows, int64 of shape (batch,), to the sum of all networks' losses.
        n: Number of rows.
        plan: How long and how fast.
        generator: Where random numbers come from.

    References:
        I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR 2019, arXiv:1711.05101.
    """
    learned = {name: tensor.detach().clone().requires_grad_() for name, tensor in parameters.items()}
    device = next(iter(learned.values())).device
    optimizer = torch.optim.AdamW(learned.values(), lr=plan.learning_rate, weight_decay=plan.weight_decay, fused=True)
    size = min(plan.batch_size, n)
    waiting = torch.empty(0, dtype=torch.int64)
    for step in range(plan.steps):
        if len(waiting) < size:
            waiting = torch.cat([waiting, torch.randperm(n, generator=generator)])
        rows, waiting = waiting[:size].to(device), waiting[size:]
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * _share(step, plan.steps)
        optimizer.zero_grad()
        loss(learned, rows).backward()
        optimizer.step()
    return {name: tensor.detach() for name, tensor in learned.items()}


def _share(step: int, steps: int) -> float:
    """Share of the highest learning rate."""
    rising = min(1.0, (step + 1) / max(1.0, RISE * steps))
    return rising * 0.5 * (1 + math.cos(math.pi * step / steps))


def ranking_loss(scores: Tensor, target: Tensor, weight: Tensor, margin: float) -> Tensor:
    """By how much pairs of rows fall short of being in the right order by a margin; the sum over networks.

    Args:
        scores: Shape (m, b).
        target: Shape (b,); only its order counts.
        weight: Of rows for networks, shape (m, b); a pair counts by the product.
        margin: Difference of scores beyond which a pair costs nothing.
    """
    better = (target[:, None] > target).to(scores)
    pairs = weight[:, :, None] * weight[:, None] * better
    short = torch.relu(margin - (scores[:, :, None] - scores[:, None]))
    return ((short * pairs).sum(dim=(1, 2)) / pairs.sum(dim=(1, 2)).clamp(min=EMPTY)).sum()


def squared_loss(scores: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error by weight; the sum over networks.

    Args:
        scores: Shape (m, b).
        target: Shape (b,).
        weight: Of rows for networks, shape (m, b).
    """
    return (((scores - target).square() * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=EMPTY)).sum()


#: Total weight below which a batch has nothing to say to a network.
EMPTY = 1e-9


def to_arrays(parameters: Parameters) -> dict[str, npt.NDArray[Any]]:
    """Parameters as numpy arrays, for :class:`State`."""
    return {f"parameter {name}": tensor.cpu().numpy() for name, tensor in parameters.items()}


def from_arrays(arrays: dict[str, npt.NDArray[Any]]) -> Parameters:
    """Inverse of :func:`to_arrays`; other arrays are passed over."""
    stem = "parameter "
    return {
        name.removeprefix(stem): torch.from_numpy(np.array(array))
        for name, array in arrays.items()
        if name.startswith(stem)
    }
