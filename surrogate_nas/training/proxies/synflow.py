"""SynFlow: how much of a signal flows through a network, without data."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from surrogate_nas.training.proxies.layers import NORMALISATIONS, Copy, gradients, hooks, layers_of, modes


def synflow(network: nn.Module, input_shape: tuple[int, ...]) -> float:
    """Logarithm of the sum over all weights w of abs(w dR/dw), R the sum of what the network gives for ones [1].

    All parameters are replaced by their absolute values, and normalisations let everything pass, so that R is the sum
    over all paths from an input to an output of the product of the weights on it. In double precision, since products
    over tens of layers leave single precision. NAS-Bench-Suite-Zero publishes the logarithm too.

    References:
        [1] Tanaka et al., Pruning neural networks without any data by iteratively conserving synaptic flow,
            NeurIPS 2020, https://arxiv.org/abs/2006.05467
    """
    copy = Copy(
        {name: p.detach().abs().double().requires_grad_() for name, p in network.named_parameters()},
        {name: b.detach().double() if b.is_floating_point() else b for name, b in network.named_buffers()},
    )
    weights = copy.weights(network)
    bypass = [layer.register_forward_hook(_pass_input) for layer in layers_of(network, NORMALISATIONS)]
    device = weights[0].device if weights else None
    with modes(network, batch_statistics=False), hooks(bypass):
        outputs = copy.run(network, torch.ones(1, *input_shape, dtype=torch.float64, device=device))
    flows = gradients(outputs.sum(), weights)
    total = sum(float((w.detach() * g).abs().sum()) for w, g in zip(weights, flows, strict=True))
    return math.log(total) if total > 0 else -math.inf


def _pass_input(layer: Any, inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor:
    return inputs[0]
