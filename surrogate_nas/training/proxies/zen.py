"""Zen-Score: how strongly the last features of a network with random weights react to the input."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from surrogate_nas.training.proxies.layers import WEIGHTED, Copy, hooks, layers_of, modes

#: Size of the change of the input, as in the paper.
STEP = 1e-2

#: Layers that take the mean over all positions: the features are what goes in.
_GLOBAL = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)


def zen(network: nn.Module, input_shape: tuple[int, ...], samples: int, generator: torch.Generator) -> float:
    """Log of the mean change of the features, plus the logs of what batch normalisations divided by [1].

    Weights are standard normal, inputs are noise, and the features are what the last mean over all positions reads;
    in a network without one, what its last linear layer reads. A normalisation counts with the root of the mean over
    its channels of the running variances. These start at 1 and have moved towards the batches' with momentum 0.1
    twice: not quite the variance of the paper, but what the authors' program takes, and so the published values. A
    network without batch normalisations has its log change alone.

    Args:
        network: Takes a batch, gives (n, outputs).
        input_shape: Shape of a sample.
        samples: Samples of a batch.
        generator: Draws weights and inputs; on the CPU.

    References:
        [1] Lin et al., Zen-NAS: a zero-shot NAS for high-performance image recognition, ICCV 2021,
            https://arxiv.org/abs/2102.01063
    """
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    copy = _gaussian(network, generator)
    x, step = torch.randn(2, samples, *input_shape, generator=generator)
    ends = layers_of(network, _GLOBAL) or layers_of(network, (nn.Linear,))
    read: list[Tensor] = []

    def keep(layer: Any, inputs: tuple[Tensor, ...]) -> None:
        read.append(inputs[0])

    def features(batch: Tensor) -> Tensor:
        read.clear()
        outputs = copy.run(network, batch.to(device))
        return read[-1] if read else outputs

    watching = [end.register_forward_pre_hook(keep) for end in ends]
    with modes(network, batch_statistics=True), hooks(watching), torch.no_grad():
        change = float((features(x) - features(x + STEP * step)).abs().flatten(1).sum(1).mean().log())
    return change + sum(0.5 * float(copy.buffers[name].mean().log()) for name in _statistics(network, "running_var"))


def _gaussian(network: nn.Module, generator: torch.Generator) -> Copy:
    """Weights of convolutions and linear layers drawn anew; scales one, shifts and biases zero; fresh statistics."""
    parameters = {}
    for prefix, layer in network.named_modules():
        for name, value in layer.named_parameters(prefix, recurse=False):
            if name.endswith("bias"):
                parameters[name] = torch.zeros_like(value, requires_grad=False)
            elif isinstance(layer, WEIGHTED):
                parameters[name] = torch.randn(value.shape, generator=generator).to(value)
            else:
                parameters[name] = torch.ones_like(value, requires_grad=False)
    buffers = {name: value.detach().clone() for name, value in network.named_buffers()}
    for name in _statistics(network, "running_mean"):
        buffers[name].zero_()
    for name in _statistics(network, "running_var"):
        buffers[name].fill_(1.0)
    return Copy(parameters, buffers)


def _statistics(network: nn.Module, what: str) -> list[str]:
    """Names of one kind of running statistics, where batch normalisations keep some."""
    found = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, _BatchNorm)]
    return [f"{name}.{what}".removeprefix(".") for name, layer in found if getattr(layer, what) is not None]
