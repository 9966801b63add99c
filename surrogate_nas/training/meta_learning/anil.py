"""ANIL, almost no inner loop: MAML in which a task adapts the last layer alone.

Most of what MAML learns are features that serve all tasks as they are; so the body of the network is adapted to
no task, and what the last layer reads of a support set is computed once.

References:
    Raghu, Raghu, Bengio and Vinyals, Rapid learning or feature reuse?, ICLR 2020, https://arxiv.org/abs/1909.09157
"""

from dataclasses import dataclass
from typing import final

from torch import Tensor
from torch.nn import functional as F

from surrogate_nas.training.meta_learning.episodes import Episodes
from surrogate_nas.training.meta_learning.methods import Slope, check_inner_loop, slope_through_adaptation
from surrogate_nas.training.meta_learning.network import Parameters, TaskNetwork, descend


@final
@dataclass(frozen=True, kw_only=True)
class ANIL:
    """Almost no inner loop.

    Attributes:
        steps: Steps of the last layer on the support set of a task.
        learning_rate: Their size.
    """

    steps: int = 5
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        check_inner_loop(self.steps, self.learning_rate)

    def adapt(self, network: TaskNetwork, parameters: Parameters, x: Tensor, y: Tensor, steps: int) -> Parameters:
        """Weights of which the last layer has descended on the support set of one task."""
        features = network.features(parameters, x)
        head = {name: parameters[name] for name in network.head}

        def loss(weights: Parameters) -> Tensor:
            return F.cross_entropy(network.classified(weights, features), y)

        return parameters | descend(loss, head, steps, self.learning_rate)

    def slope(self, network: TaskNetwork, parameters: Parameters, tasks: Episodes, seed: int) -> Slope:
        """Gradient of the loss on the queries, after adaptation, by all weights before it."""
        return slope_through_adaptation(self, network, parameters, tasks)
