"""MAML: initial weights from which a few steps lead far, learned by differentiating through the steps.

Second order is the method as published; first order leaves out how the steps' gradients themselves depend on the
initial weights, at about half the cost.

References:
    Finn, Abbeel and Levine, Model-agnostic meta-learning for fast adaptation of deep networks, ICML 2017,
    https://arxiv.org/abs/1703.03400
"""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from surrogate_nas.training.meta_learning.episodes import Episodes
from surrogate_nas.training.meta_learning.methods import Slope, check_inner_loop, slope_through_adaptation
from surrogate_nas.training.meta_learning.network import Parameters, TaskNetwork, descend


@final
@dataclass(frozen=True, kw_only=True)
class MAML:
    """Model-agnostic meta-learning.

    Attributes:
        steps: Steps on the support set of a task.
        learning_rate: Their size.
        second_order: Differentiate through the gradients too; without it this is first-order MAML.
    """

    steps: int = 5
    learning_rate: float = 0.1
    second_order: bool = True

    def __post_init__(self) -> None:
        check_inner_loop(self.steps, self.learning_rate)

    def adapt(self, network: TaskNetwork, parameters: Parameters, x: Tensor, y: Tensor, steps: int) -> Parameters:
        """Weights after gradient descent on the support set of one task."""
        return descend(
            lambda weights: network.loss(weights, x, y),
            parameters,
            steps,
            self.learning_rate,
            first_order=not self.second_order,
        )

    def slope(self, network: TaskNetwork, parameters: Parameters, tasks: Episodes, seed: int) -> Slope:
        """Gradient of the loss on the queries, after adaptation, by the weights before it."""
        return slope_through_adaptation(self, network, parameters, tasks)
