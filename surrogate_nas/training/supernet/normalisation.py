"""Statistics of batch normalisation, measured anew for a network whose weights were trained among others.

While weights are shared, the running means and variances mix what all architectures feed a layer with: a sub-network
that is evaluated with them answers at random. One pass over some training samples gives it its own [1].

References:
    [1] Guo et al., Single Path One-Shot Neural Architecture Search with Uniform Sampling, ECCV 2020, section 3.2,
        https://arxiv.org/abs/1904.00420
"""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from surrogate_nas.training.tensors import SplitTensors

#: Training samples that are looked at, and how many at once: as large as the batches of most trainings, so that
#: later layers see what they saw in training.
SAMPLES, BATCH = 512, 128


@torch.no_grad()
def recalibrate(network: nn.Module, data: SplitTensors) -> None:
    """Measure means and variances on training samples; the network ends in evaluation mode.

    Args:
        network: Changed: its normalisation statistics alone.
        data: Of whose training part evenly spread samples are taken, without their targets.
    """
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over batches
        layer.train()
    spread = data.train[:: -(-len(data.train) // SAMPLES)]
    for positions in spread.tensor_split(-(-len(spread) // BATCH)):
        network(data.inputs(positions))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()
