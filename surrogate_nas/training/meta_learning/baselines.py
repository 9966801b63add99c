"""What few-shot accuracy is to be compared with: nothing meta-learned at all."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from surrogate_nas.training.meta_learning.episodes import Episodes
from surrogate_nas.training.meta_learning.evaluation import Evaluated
from surrogate_nas.training.meta_learning.network import Parameters


def nearest_mean(tasks: Episodes) -> Evaluated:
    """The class whose mean over the support set is nearest to a query, as the values lie: no network at all.

    Args:
        tasks: Episodes.
    """
    support, query = tasks.support_x.flatten(2), tasks.query_x.flatten(2)
    ways = int(tasks.support_y.max()) + 1
    member = F.one_hot(tasks.support_y, ways).to(support)  # (t, s, ways)
    means = (member / member.sum(1, keepdim=True)).transpose(1, 2) @ support
    return Evaluated(-torch.cdist(query, means), tasks.query_y)


def stacked_weights(networks: list[nn.Module]) -> Parameters:
    """Weights of equal networks with a leading axis of networks: where tasks begin from which nothing was learned."""
    weights = [dict(network.named_parameters()) for network in networks]
    return {name: torch.stack([own[name].detach() for own in weights]) for name in weights[0]}


def merged(evaluated: list[Evaluated]) -> Evaluated:
    """Several batches of episodes as one."""
    columns: list[Tensor] = [torch.cat(column) for column in zip(*evaluated, strict=True)]
    return Evaluated(*columns)
