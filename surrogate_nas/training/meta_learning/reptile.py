"""Reptile: move the initial weights towards where ordinary training on each task leads.

Nothing is differentiated through the steps, and a task's samples are not divided into support and queries while
meta-learning: some steps of ordinary training on batches of all of them.

References:
    Nichol, Achiam and Schulman, On first-order meta-learning algorithms, 2018, https://arxiv.org/abs/1803.02999
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.func import vmap

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import is_whole
from surrogate_nas.training.meta_learning.episodes import Episodes
from surrogate_nas.training.meta_learning.methods import Slope, check_inner_loop
from surrogate_nas.training.meta_learning.network import Parameters, TaskNetwork, descend


@final
@dataclass(frozen=True, kw_only=True)
class Reptile:
    """Reptile.

    Differs from the paper: steps are plain gradient descent there as here, but the paper's experiments take Adam
    inside and plain steps outside; here the way that the weights went is handed to the outer optimiser as if it
    were a gradient, which the paper names as the other choice.

    Attributes:
        steps: Steps on each task.
        learning_rate: Their size.
        batch_size: Samples per step, at most.
    """

    steps: int = 5
    learning_rate: float = 0.1
    batch_size: int = 20

    def __post_init__(self) -> None:
        check_inner_loop(self.steps, self.learning_rate)
        if not is_whole(self.batch_size, 2):
            raise InvalidInputError(f"batch_size: expected a whole number of at least 2, got {self.batch_size!r}")

    def adapt(self, network: TaskNetwork, parameters: Parameters, x: Tensor, y: Tensor, steps: int) -> Parameters:
        """Weights after gradient descent on the support set of one task."""
        return descend(lambda weights: network.loss(weights, x, y), parameters, steps, self.learning_rate)

    def slope(self, network: TaskNetwork, parameters: Parameters, tasks: Episodes, seed: int) -> Slope:
        """The way back from the weights after training on each task, and the loss of the last batches."""
        x = torch.cat([tasks.support_x, tasks.query_x], dim=1)
        y = torch.cat([tasks.support_y, tasks.query_y], dim=1)
        batches = self._batches(x.shape[1], seed)

        def trained(x: Tensor, y: Tensor) -> Slope:
            weights = parameters
            for at in batches[:-1]:
                weights = self.adapt(network, weights, x[at], y[at], 1)
            at = batches[-1]
            last = network.loss(weights, x[at], y[at])
            weights = self.adapt(network, weights, x[at], y[at], 1)
            return Slope({name: parameters[name] - weights[name] for name in parameters}, last)

        ways, losses = vmap(trained, randomness="different")(x, y)
        return Slope({name: way.mean(0) for name, way in ways.items()}, losses.mean())

    def _batches(self, n: int, seed: int) -> list[Tensor]:
        """Positions of each step's samples: all come once before any comes again."""
        generator = torch.Generator().manual_seed(seed)
        size = min(self.batch_size, n)
        rounds = -(-self.steps * size // n)
        order = torch.cat([torch.randperm(n, generator=generator) for _ in range(rounds)])
        return list(order[: self.steps * size].split(size))
