"""Unstructured pruning: the smallest weights become zero and stay it while the others are trained on.

References:
    Han, Pool, Tran and Dally, Learning both weights and connections for efficient neural networks, NeurIPS 2015,
    https://arxiv.org/abs/1506.02626
"""

from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

from surrogate_nas.training.compression.filters import check_share


@final
class Mask(nn.Module):
    """Multiplies weights by zeros and ones, so that what is zero gets no gradient."""

    def __init__(self, kept: Tensor) -> None:
        super().__init__()
        self.register_buffer("kept", kept)

    def forward(self, weight: Tensor) -> Tensor:
        """Mask."""
        return weight * self.get_buffer("kept")


def prune_weights(network: nn.Module, share: float) -> nn.Module:
    """Set the smallest weights of convolutions and linear layers to zero, smallest over all layers together.

    Args:
        network: It stays as it is.
        share: Of these weights to remove, in [0, 1).

    Returns:
        A network whose removed weights stay zero in training; :func:`without_masks` ends that.

    Raises:
        InvalidInputError: Not such a share.
    """
    check_share(share)
    pruned = deepcopy(network)
    layers = [m for m in pruned.modules() if isinstance(m, _ConvNd | nn.Linear)]
    sizes = torch.cat([layer.weight.detach().abs().flatten() for layer in layers])
    removed = torch.zeros(len(sizes), dtype=torch.bool, device=sizes.device)
    removed[sizes.argsort(stable=True)[: int(share * len(sizes))]] = True
    for layer, gone in zip(layers, removed.split([layer.weight.numel() for layer in layers]), strict=True):
        kept = (~gone).view_as(layer.weight).to(layer.weight.dtype)
        parametrize.register_parametrization(layer, "weight", Mask(kept))
    return pruned


def without_masks(network: nn.Module) -> nn.Module:
    """The same network with ordinary weights, zeros among them.

    Args:
        network: From :func:`prune_weights`; changed.
    """
    for module in network.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return network
