"""What meta-training gives: initial weights, and networks adapted from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import Interval
from surrogate_nas.training.device import isolated
from surrogate_nas.training.meta_learning.episodes import Episodes, FewShotTasks, Seed
from surrogate_nas.training.meta_learning.evaluation import Evaluated, accuracy_of, adapt_and_answer
from surrogate_nas.training.meta_learning.methods import Method
from surrogate_nas.training.meta_learning.network import Parameters, TaskNetwork
from surrogate_nas.training.result import TrainingResult
from surrogate_nas.training.tensors import Part
from surrogate_nas.training.weights import write_weights


@final
class AdaptedNetwork(nn.Module):
    """A network for one task: called with standardised samples (n, *input_shape), gives logits (n, ways).

    A sample's answer depends on what the network was adapted on and on itself, not on what stands beside it, unless
    it is transductive.
    """

    def __init__(self, network: TaskNetwork, parameters: Parameters, support: Tensor) -> None:
        """Keep the weights.

        Args:
            network: Whose weights.
            parameters: Adapted to the task.
            support: What they were adapted on.
        """
        super().__init__()
        self.task_network, self.weights = network, parameters
        self.register_buffer("support", support)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Answer."""
        self.task_network.train(False)
        return self.task_network.answers(self.weights, self.get_buffer("support"), x)


@final
@dataclass(frozen=True, eq=False)  # tensors do not compare
class MetaLearned:
    """Initial weights that were meta-learned.

    Attributes:
        result: How the training went; ``result.val`` is of the validation classes, after adaptation.
        network: The network as a function of weights.
        parameters: The initial weights.
        method: How they are adapted.
        tasks: What they were learned from.
        device: Where they lie.
    """

    result: TrainingResult
    network: TaskNetwork
    parameters: Parameters
    method: Method
    tasks: FewShotTasks
    device: torch.device

    def accuracy(
        self, part: Part = "test", *, episodes: int = 600, seed: Seed = 0, steps: int | None = None
    ) -> Interval:
        """Accuracy on the queries of episodes, after adaptation, with its 95% interval over episodes.

        Args:
            part: Whose classes.
            episodes: How many.
            seed: Of the episodes.
            steps: Steps on each support set; None takes the method's own.
        """

        def answer(drawn: Episodes, first: int) -> Evaluated:
            return adapt_and_answer(self.method, self.network, self.parameters, drawn, steps or self.method.steps)

        with isolated(self.device):
            return accuracy_of(answer, self.tasks, part, episodes, seed, self.device)

    def adapt(self, x: Tensor, y: Tensor, steps: int | None = None) -> AdaptedNetwork:
        """A network for one task.

        Args:
            x: Support set, (n, *input_shape), standardised as episodes are.
            y: Its labels, 0 to ways - 1, int64 of shape (n,).
            steps: How many steps; None takes the method's own.

        Raises:
            InvalidInputError: Another shape, or labels outside the ways.
        """
        if tuple(x.shape[1:]) != tuple(self.tasks.input_shape) or y.shape != x.shape[:1]:
            raise InvalidInputError(
                f"adapt: expected samples of shape (n, {', '.join(map(str, self.tasks.input_shape))}) and n labels, "
                f"got {tuple(x.shape)} and {tuple(y.shape)}"
            )
        if int(y.min()) < 0 or int(y.max()) >= self.tasks.ways:
            raise InvalidInputError(
                f"adapt: expected labels from 0 to {self.tasks.ways - 1}, got {y.unique().tolist()}"
            )
        self.network.train(False)
        with isolated(self.device), torch.no_grad():
            adapted = self.method.adapt(self.network, self.parameters, x, y, steps or self.method.steps)
        return AdaptedNetwork(self.network, adapted, x)

    def save(self, path: str | Path) -> None:
        """Write the initial weights as safetensors.

        Args:
            path: The file.

        Raises:
            InvalidInputError: The disk is full, or the place cannot be written to.
        """
        about = {"architecture": self.result.architecture, "dataset": self.result.dataset}
        write_weights(path, self.parameters, about)
