"""Training a sub-network further: all that it inherited, or few weights."""

from functools import partial
from typing import Literal, NamedTuple, final, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from surrogate_nas.core import choose
from surrogate_nas.training.device import measured
from surrogate_nas.training.loop import Diverged, Progress, fit
from surrogate_nas.training.minibatches import MiniBatches
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import TrainingResult
from surrogate_nas.training.tensors import SplitTensors

What = Literal["all", "norm-and-head", "low-rank"]

#: Rank of what is added to a weight.
RANK = 4


class FineTuned(NamedTuple):
    """A network that was trained further.

    Attributes:
        result: Its scores at the best epoch by validation; ``parameters`` counts those that were trained.
        network: The network, in evaluation mode; its state dict fits ``build_network``.
    """

    result: TrainingResult
    network: nn.Module


@final
class LowRank(nn.Module):
    """Adds a product of two thin matrices to a weight, nothing at first [1].

    A weight (out, ...) counts as a matrix of ``out`` rows.

    References:
        [1] Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, https://arxiv.org/abs/2106.09685
    """

    def __init__(self, weight: Tensor, rank: int = RANK) -> None:
        """Prepare the matrices.

        Args:
            weight: What they are added to.
            rank: Columns of the first and rows of the second.
        """
        super().__init__()
        rows, columns = len(weight), weight[0].numel()
        rank = min(rank, rows, columns)
        self.up = nn.Parameter(weight.new_zeros(rows, rank))
        # The scale of weights that read so many values.
        self.down = nn.Parameter(torch.randn(rank, columns, device=weight.device) / columns**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """Add the product."""
        return weight + (self.up @ self.down).view_as(weight)


def fine_tune(
    network: nn.Module, data: SplitTensors, recipe: Recipe, what: What, seed: int, dataset: str, architecture: str
) -> FineTuned:
    """Train a network further.

    Args:
        network: Changed; one with a ``classifier``.
        data: The split.
        recipe: How to train.
        what: Which weights, see :data:`What`.
        seed: Of the order of the samples, and of thin matrices.
        dataset: Name of the data, for the result.
        architecture: Text form of the architecture, for the result.
    """
    prepare = choose("what", what, dict(zip(get_args(What), (_all, _norm_and_head, _low_rank), strict=True)))
    torch.manual_seed(seed)
    prepare(network)
    learner = MiniBatches(network, data, recipe, seed)
    about = partial(
        TrainingResult, dataset=dataset, architecture=architecture, seed=seed, device=str(data.train.device)
    )
    with measured(data.samples.device) as measure:
        try:
            progress = fit([learner], recipe, Progress())
        except Diverged as reason:
            return FineTuned(about("failed", str(reason)), network)
    result = about(
        "ok", "", val=learner.scores("val"), test=learner.scores("test"), best_epoch=progress.best_epoch,
        epochs=progress.epoch, parameters=learner.parameters, seconds=measure.seconds, curve=tuple(progress.curve),
        peak_memory=measure.peak_memory,
    )  # fmt: skip
    _plain(network)
    return FineTuned(result, network)


def _all(network: nn.Module) -> None:
    """Everything is trained."""
    network.requires_grad_(True)


def _norm_and_head(network: nn.Module) -> None:
    """Scales and shifts of normalisation, and the classifier."""
    network.requires_grad_(False)
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) or name == "classifier":
            module.requires_grad_(True)


def _low_rank(network: nn.Module) -> None:
    """What is added to the weights of convolutions and linear layers."""
    network.requires_grad_(False)
    for module in [m for m in network.modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Linear)]:
        parametrize.register_parametrization(module, "weight", LowRank(module.weight))


def _plain(network: nn.Module) -> None:
    """What was added becomes part of the weights."""
    for module in [m for m in network.modules() if parametrize.is_parametrized(m)]:
        parametrize.remove_parametrizations(module, "weight")
    network.requires_grad_(True)
    network.eval()
