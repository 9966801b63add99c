"""A network whose weights are an argument: what meta-learning differentiates through.

Everything here is about one task; ``torch.func.vmap`` makes it many at once, each with weights of its own.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.meta_learning.normalisation import with_task_norms

#: Weights by name.
Parameters = dict[str, Tensor]


@final
class TaskNetwork:
    """A network as a function of weights, support set and queries.

    Attributes:
        initial: The weights that the network came with.
        head: Names of the weights of the last layer, which turns features into classes.
    """

    def __init__(self, network: nn.Module, *, transductive: bool = False) -> None:
        """Take a network over; its batch normalisations become those of tasks.

        Args:
            network: Called with (n, *input_shape), gives (n, ways); changed.
            transductive: Normalise queries by the statistics of all queries of their task, as the code of MAML
                does, instead of those of the support set.

        Raises:
            InvalidInputError: The network does not end with a linear layer.
        """
        self.transductive = transductive
        self.network = network
        self.reference = with_task_norms(network)
        self.initial: Parameters = {name: p.detach() for name, p in network.named_parameters()}
        last = _last_layer(network)
        self.head = tuple(name for name in self.initial if name.rpartition(".")[0] == last)
        # A copy that shares the reference but has no last layer; its own weights are never used.
        self._body = deepcopy(network, {id(self.reference): self.reference})
        self._body.set_submodule(last, nn.Identity())

    def train(self, mode: bool) -> None:
        """Switch dropout on or off."""
        self.network.train(mode)
        self._body.train(mode)

    def logits(self, parameters: Parameters, x: Tensor) -> Tensor:
        """Answers on samples that are normalised among themselves: (n, *input_shape) -> (n, ways)."""
        answers: Tensor = functional_call(self.network, parameters, (x,))
        return answers

    def loss(self, parameters: Parameters, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy on them, in nats."""
        return F.cross_entropy(self.logits(parameters, x), y)

    def answers(self, parameters: Parameters, support: Tensor, query: Tensor) -> Tensor:
        """Answers on queries of a task.

        Args:
            parameters: Weights, adapted to the task.
            support: What they were adapted on, (s, *input_shape).
            query: Of shape (q, *input_shape).

        Returns:
            Logits, shape (q, ways).
        """
        if self.transductive:
            return self.logits(parameters, query)
        with self.reference.first(len(support)):
            return self.logits(parameters, torch.cat([support, query]))[len(support) :]

    def features(self, parameters: Parameters, x: Tensor) -> Tensor:
        """What the last layer reads, of samples that are normalised among themselves: (n, features)."""
        body = {name: p for name, p in parameters.items() if name not in self.head}
        features: Tensor = functional_call(self._body, body, (x,))
        return features

    def classified(self, parameters: Parameters, features: Tensor) -> Tensor:
        """What the last layer makes of features: (n, features) -> (n, ways)."""
        return F.linear(features, *(parameters[name] for name in self.head))


def _last_layer(network: nn.Module) -> str:
    """Name of the layer that gives the classes: the one called classifier, as this package does, or the last one."""
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InvalidInputError("network: expected one that ends with a linear layer, got none")
    return "classifier" if "classifier" in linear else linear[-1]


def descend(
    loss: Callable[[Parameters], Tensor],
    parameters: Parameters,
    steps: int,
    learning_rate: float,
    *,
    first_order: bool = False,
) -> Parameters:
    """Gradient descent, through which can be differentiated.

    Args:
        loss: Of weights.
        parameters: Where to begin.
        steps: How many.
        learning_rate: Their size.
        first_order: Take gradients for constants: what is differentiated through the steps then needs no second
            derivatives.
    """
    for _ in range(steps):
        slope = grad(loss)(parameters)
        if first_order:
            slope = {name: g.detach() for name, g in slope.items()}
        parameters = {name: p - learning_rate * slope[name] for name, p in parameters.items()}
    return parameters
