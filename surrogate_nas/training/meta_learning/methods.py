"""What all ways of meta-learning have in common."""

from typing import Any, NamedTuple, Protocol

from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import is_number, is_whole
from surrogate_nas.training.meta_learning.episodes import Episodes
from surrogate_nas.training.meta_learning.network import Parameters, TaskNetwork


class Slope(NamedTuple):
    """Where the outer optimiser is to go.

    Attributes:
        gradient: By weight; steps are taken against it.
        loss: What is minimised, in nats.
    """

    gradient: Parameters
    loss: Tensor


class Method(Protocol):
    """A way of meta-learning initial weights; a frozen dataclass whose fields decide what it does.

    Both methods work on tensors without hidden state, so that ``torch.func`` can map and differentiate them.
    """

    @property
    def steps(self) -> int:
        """Steps on the support set of a task."""
        ...

    @property
    def learning_rate(self) -> float:
        """Their size."""
        ...

    def adapt(self, network: TaskNetwork, parameters: Parameters, x: Tensor, y: Tensor, steps: int) -> Parameters:
        """Adapt weights to one task.

        Args:
            network: Whose weights.
            parameters: Where to begin; they stay as they are.
            x: Support set, (n, *input_shape).
            y: Its labels, (n,).
            steps: How many steps of gradient descent.
        """
        ...

    def slope(self, network: TaskNetwork, parameters: Parameters, tasks: Episodes, seed: int) -> Slope:
        """What a batch of tasks says about the initial weights.

        Args:
            network: Whose weights.
            parameters: The initial weights; they stay as they are.
            tasks: A batch of episodes.
            seed: Of what is drawn inside a task.
        """
        ...


def slope_through_adaptation(method: Method, network: TaskNetwork, parameters: Parameters, tasks: Episodes) -> Slope:
    """Gradient of the loss on the queries, after adaptation to each task, by the weights before it."""

    def loss_of_task(weights: Parameters, x: Tensor, y: Tensor, query_x: Tensor, query_y: Tensor) -> Tensor:
        adapted = method.adapt(network, weights, x, y, method.steps)
        return F.cross_entropy(network.answers(adapted, x, query_x), query_y)

    def loss(weights: Parameters) -> Tensor:
        losses: Tensor = vmap(loss_of_task, in_dims=(None, 0, 0, 0, 0), randomness="different")(weights, *tasks)
        return losses.mean()

    return Slope(*grad_and_value(loss)(parameters))


def check_inner_loop(steps: Any, learning_rate: Any) -> None:
    """Raise an error unless these are settings of an inner loop."""
    if not is_whole(steps, 1):
        raise InvalidInputError(f"steps: expected a whole number of at least 1, got {steps!r}")
    if not is_number(learning_rate, 0.0) or learning_rate <= 0:
        raise InvalidInputError(f"learning_rate: expected a positive number, got {learning_rate!r}")
