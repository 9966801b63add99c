"""Architectures as continuous weights, and their gradients: what DARTS optimises.

Notation: w the weights of the layers, alpha one number per operation and place; a place gives the sum of its
operations, weighted by softmax(alpha). L_train and L_val are the losses on the two halves of the training samples.

References:
    [darts] Liu, Simonyan, Yang. DARTS: Differentiable Architecture Search. ICLR 2019. https://arxiv.org/abs/1806.09055
    [beta] Ye et al. beta-DARTS: Beta-Decay Regularization for Differentiable Architecture Search. CVPR 2022.
        https://arxiv.org/abs/2203.01665
"""

from collections.abc import Callable, Sequence
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from surrogate_nas.networks import MixedNetwork

#: A batch of samples and their targets.
Batch = tuple[Tensor, Tensor]

#: What is minimised, from answers and targets.
Loss = Callable[[Tensor, Tensor], Tensor]

#: Length of the step along which second derivatives are measured, over the length of the gradient [darts].
DIFFERENCE = 0.01

#: Spread of alpha at first [darts].
_SPREAD = 1e-3


@final
class ArchitectureWeights:
    """A mixed network with its alphas.

    Attributes:
        network: The network.
        alphas: One parameter (places, operations) per kind of cell.
        weights: Parameters of the layers that are trained.
    """

    def __init__(
        self, network: MixedNetwork, loss: Loss, device: torch.device, *, difference: float = DIFFERENCE
    ) -> None:
        """Draw alphas from torch's global generator.

        Args:
            network: Changed: normalisation inside cells has no scale and shift of its own any more, since a scale
                would undo what an operation's weight says [darts].
            loss: What is minimised.
            device: Where the network is.
            difference: See :data:`DIFFERENCE`; what is smaller is more exact, as far as rounding lets it.
        """
        self.network, self.loss, self.difference = network, loss, difference
        wiring = network.wiring
        shape = (len(wiring.places), wiring.weighted)
        self.alphas = [nn.Parameter(_SPREAD * torch.randn(shape).to(device)) for _ in range(wiring.kinds)]
        for _, cell in network.cells():
            for module in cell.modules():
                if isinstance(module, _BatchNorm):
                    module.requires_grad_(False)
        self.weights = [p for p in network.parameters() if p.requires_grad]

    def mixture(self) -> list[npt.NDArray[np.float64]]:
        """Softmax of the alphas, shape (places, operations) per kind of cell."""
        return [alpha.detach().softmax(-1).double().cpu().numpy() for alpha in self.alphas]

    def value(self, batch: Batch) -> Tensor:
        """The loss of the mixture."""
        x, y = batch
        return self.loss(self.network(x, [list(alpha.softmax(-1)) for alpha in self.alphas]), y)

    def weight_gradients(self, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        """The loss, and its gradients by w."""
        loss = self.value(batch)
        return loss.detach(), _gradients(loss, self.weights)

    def first_order(self, val: Batch) -> tuple[Tensor, list[Tensor]]:
        """L_val at (w, alpha), and its gradients by alpha: w counts as the best for any alpha [darts]."""
        loss = self.value(val)
        return loss.detach(), _gradients(loss, self.alphas)

    def second_order(
        self, train: Batch, val: Batch, step_size: float, weight_decay: float, velocities: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """L_val at (w', alpha) with w' one step of training behind w, and its gradients by alpha [darts].

        The product of a second derivative with a vector is the difference of two gradients, at w a little along
        that vector and against it (equation 8 there).

        Args:
            train: Batch of the first half.
            val: Batch of the second half.
            step_size: Of the step.
            weight_decay: L2 penalty on w.
            velocities: By how much momentum moves each of w in that step, over the step size.
        """
        w = [p.detach().clone() for p in self.weights]
        _, gradients = self.weight_gradients(train)
        with torch.no_grad():
            for p, g, v in zip(self.weights, gradients, velocities, strict=True):
                p.sub_(step_size * (g + weight_decay * p + v))
        loss = self.value(val)
        behind = _gradients(loss, [*self.alphas, *self.weights])
        direct, vector = behind[: len(self.alphas)], behind[len(self.alphas) :]
        length = self.difference / float(torch.stack([v.square().sum() for v in vector]).sum().sqrt().clamp(min=1e-12))
        sides = []
        for sign in (1.0, -1.0):
            self._set(w, vector, sign * length)
            sides.append(_gradients(self.value(train), self.alphas))
        self._set(w, vector, 0.0)  # back to the last bit: a product with zero is added
        implicit = [(plus - minus) / (2 * length) for plus, minus in zip(*sides, strict=True)]
        return loss.detach(), [d - step_size * i for d, i in zip(direct, implicit, strict=True)]

    def beta_decay(self) -> list[Tensor]:
        """Gradients by alpha of the mean over places of log(sum(exp(alpha))) [beta].

        It pulls down what is large, in proportion to its share, and so keeps operations without weights, which help
        at once, from running away before those with weights have learned.
        """
        return [alpha.detach().softmax(-1) / len(alpha) for alpha in self.alphas]

    @torch.no_grad()
    def _set(self, w: list[Tensor], vector: list[Tensor], length: float) -> None:
        for p, old, v in zip(self.weights, w, vector, strict=True):
            p.copy_(old + length * v)


def _gradients(loss: Tensor, by: Sequence[Tensor]) -> list[Tensor]:
    """Gradients; zero where the loss does not depend on something (an operation that removes its edge)."""
    found: Sequence[Tensor | None] = torch.autograd.grad(loss, list(by), allow_unused=True)
    # Laid out in memory as what it belongs to, as fused optimisers expect it.
    return [torch.zeros_like(p) if g is None else torch.empty_like(p).copy_(g) for p, g in zip(by, found, strict=True)]
