"""Structured pruning: whole filters are removed, and what is left is a smaller network of ordinary layers.

A channel's importance is the mean absolute weight of the filters that make it [1], relative to the others of the
same layer, and over all layers whose outputs are added.

References:
    [1] Li et al., Pruning filters for efficient ConvNets, ICLR 2017, https://arxiv.org/abs/1608.08710
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import is_number
from surrogate_nas.training.compression.channels import Channels, trace_channels


def prune_filters(network: nn.Module, input_shape: Sequence[int], share: float) -> nn.Module:
    """Remove the least important channels.

    Args:
        network: Of convolutions and linear layers; it stays as it is.
        input_shape: Shape of one input without the batch.
        share: Of the channels of each layer to remove, in [0, 1); one channel is kept at least.

    Returns:
        A network with narrower layers, for fine-tuning.

    Raises:
        InvalidInputError: Not such a share, or a network whose channels cannot be traced.
    """
    check_share(share)
    pruned = deepcopy(network).eval()
    channels = trace_channels(pruned, input_shape)
    layers = dict(pruned.named_modules())
    scores = _importance(layers, channels)
    removed: set[int] = set()
    for family in channels.families():
        count = min(math.floor(share * len(family)), len(family) - 1)
        order = sorted(family.tolist(), key=lambda group: (scores[group], group))
        removed.update(order[:count])
    for name in channels.reads:
        _shrink(layers[name], _kept(channels.reads.get(name), removed), _kept(channels.writes.get(name), removed))
    return pruned.train(network.training)


def check_share(share: Any) -> None:
    """Raise an error unless a value is a share that can be removed."""
    if not is_number(share, 0.0, 1.0) or share >= 1:
        raise InvalidInputError(f"share: expected a number from 0 to below 1, got {share!r}")


def _importance(layers: dict[str, nn.Module], channels: Channels) -> dict[int, float]:
    """Of each group."""
    scores: dict[int, float] = {}
    for name, groups in channels.writes.items():
        weight: Any = layers[name].weight
        sizes = weight.detach().abs().flatten(1).mean(1)
        sizes = sizes / sizes.mean().clamp(min=1e-12)
        for group, size in zip(groups.tolist(), sizes.tolist(), strict=True):
            scores[group] = scores.get(group, 0.0) + size
    return scores


def _kept(groups: npt.NDArray[np.int64] | None, removed: set[int]) -> torch.Tensor | None:
    """Positions of the channels that stay; None where all do."""
    if groups is None or not removed.intersection(groups.tolist()):
        return None
    return torch.tensor([i for i, group in enumerate(groups.tolist()) if group not in removed], dtype=torch.int64)


def _shrink(layer: Any, read: torch.Tensor | None, written: torch.Tensor | None) -> None:
    """Keep some of the channels that a layer reads and gives."""
    if isinstance(layer, _BatchNorm):
        if read is not None:
            for name, tensor in [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]:
                if tensor.ndim:
                    _set(layer, name, tensor[read])
            layer.num_features = len(read)
        return
    depthwise = isinstance(layer, _ConvNd) and layer.groups > 1 and layer.groups == layer.in_channels
    if written is not None:
        _set(layer, "weight", layer.weight[written])
        if layer.bias is not None:
            _set(layer, "bias", layer.bias[written])
        _rename(layer, "out", len(written))
    if read is not None:
        if depthwise:
            layer.groups = len(read)
        else:
            _set(layer, "weight", layer.weight[:, read])
        _rename(layer, "in", len(read))


def _set(layer: nn.Module, name: str, tensor: torch.Tensor) -> None:
    content = tensor.detach().clone()
    setattr(layer, name, nn.Parameter(content) if isinstance(getattr(layer, name), nn.Parameter) else content)


def _rename(layer: Any, side: str, count: int) -> None:
    setattr(layer, f"{side}_channels" if isinstance(layer, _ConvNd) else f"{side}_features", count)
