"""Proxies that are sums over the weights w of convolutions and linear layers and their gradients g.

References:
    [1] Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021, https://arxiv.org/abs/2101.08134
    [2] Lee et al., SNIP: single-shot network pruning, ICLR 2019, https://arxiv.org/abs/1810.02340
    [3] Wang et al., Picking winning tickets before training by preserving gradient flow (GraSP), ICLR 2020,
        https://arxiv.org/abs/2002.07376
"""

from torch import nn

from surrogate_nas.training.proxies.layers import Copy
from surrogate_nas.training.proxies.training_pass import TrainingPass


def l2_norm(network: nn.Module) -> float:
    """Sum over the layers of the length of w [1]."""
    return sum(float(w.detach().norm()) for w in Copy.of(network).weights(network))


def grad_norm(found: TrainingPass) -> float:
    """Sum over the layers of the length of g [1]."""
    return sum(float(g.norm()) for g in found.gradients)


def snip(found: TrainingPass) -> float:
    """Sum of |w g|: how much the loss would change, to first order, without each weight [2]."""
    return sum(float((w * g).abs().sum()) for w, g in zip(found.weights, found.gradients, strict=True))


def plain(found: TrainingPass) -> float:
    """Sum of w g [1]. Layers before a batch normalisation add nothing: their scale does not matter."""
    return sum(float((w * g).sum()) for w, g in zip(found.weights, found.gradients, strict=True))


def grasp(found: TrainingPass) -> float:
    """Minus the sum of w H g, H the Hessian: how the length of the gradient changes without each weight [1, 3]."""
    return -sum(float((w * c).sum()) for w, c in zip(found.weights, found.curvature, strict=True))
