"""One network that is meta-learned: what the training loop of the package sees of it."""

import math
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from surrogate_nas.training import metrics
from surrogate_nas.training.loop import Evaluation, State
from surrogate_nas.training.meta_learning.baselines import merged
from surrogate_nas.training.meta_learning.episodes import FewShotTasks
from surrogate_nas.training.meta_learning.evaluation import Evaluated, adapt_and_answer, chunks
from surrogate_nas.training.meta_learning.methods import Method
from surrogate_nas.training.meta_learning.network import TaskNetwork
from surrogate_nas.training.optimisation import make_optimiser, optimiser_state, restore_optimiser, set_step_size
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import Scores
from surrogate_nas.training.tensors import Part

#: Seed of the episodes that epochs are chosen on: the same ones for every architecture and seed.
_CHOOSING = 0


@final
class MetaLearner:
    """Initial weights that learn to be adapted; a :class:`~surrogate_nas.training.loop.Learner`.

    The episodes of an iteration depend on the seed, the epoch and the iteration alone: a training that was broken
    off goes on as if it had not been.
    """

    def __init__(
        self, network: TaskNetwork, tasks: FewShotTasks, method: Method, recipe: Recipe, *, iterations: int,
        episodes: int, seed: int, device: torch.device,
    ) -> None:  # fmt: skip
        """Prepare the training.

        Args:
            network: On the device.
            tasks: Source of the episodes.
            method: How to meta-learn.
            recipe: Of the outer loop; its batch size counts tasks.
            iterations: Steps of the outer loop per epoch.
            episodes: How many to evaluate on.
            seed: Of the training.
            device: Where to train.
        """
        self.network, self.tasks, self.method, self.recipe = network, tasks, method, recipe
        self.iterations, self.episodes, self.seed, self.device = iterations, episodes, seed, device
        self.initial = {name: p.clone().requires_grad_() for name, p in network.initial.items()}
        self.optimiser = make_optimiser(self.initial.values(), recipe)

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(p.numel() for p in self.initial.values())

    def train_epoch(self, epoch: int) -> Tensor:
        """Some steps of the outer loop."""
        recipe, total = self.recipe, torch.zeros((), device=self.device)
        self.network.train(True)
        for i in range(self.iterations):
            stream, inner = np.random.SeedSequence((self.seed, epoch, i)).generate_state(2).tolist()
            torch.manual_seed(stream)  # dropout
            tasks = self.tasks.draw("train", recipe.batch_size or 1, (self.seed, epoch, i), self.device)
            slope = self.method.slope(self.network, self.weights(), tasks, inner)
            for name, p in self.initial.items():
                p.grad = slope.gradient[name].detach()
            if recipe.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.initial.values(), recipe.clip_norm)
            set_step_size(self.optimiser, recipe, (epoch - 1 + i / self.iterations) / recipe.epochs)
            self.optimiser.step()
            total += slope.loss.detach()
        return total / self.iterations

    def evaluate(self, part: Part) -> Evaluation:
        """Loss and accuracy on the queries of episodes, after adaptation."""
        found = self._evaluated(part)
        loss = F.cross_entropy(found.logits.flatten(0, 1), found.labels.flatten())
        return Evaluation(float(loss), float(found.accuracies.mean()))

    def scores(self, part: Part) -> Scores:
        """All metrics, over the queries of all episodes; labels mean something else in each."""
        found = self._evaluated(part)
        scores = metrics.scores(found.logits.flatten(0, 1)[None], found.labels.flatten()[None])
        # Area under the curve compares how high different samples are scored: here, samples of different tasks.
        return scores._replace(auc=math.nan)

    def answers(self, part: Part) -> Tensor:
        """Logits on the queries of all episodes, (m, ways)."""
        return self._evaluated(part).logits.flatten(0, 1)

    def weights(self) -> State:
        """Copy of the initial weights that were meta-learned."""
        return {name: p.detach().clone() for name, p in self.initial.items()}

    def load_weights(self, weights: State) -> None:
        """Take weights over."""
        with torch.no_grad():
            for name, p in self.initial.items():
                p.copy_(weights[name])

    def exported(self) -> State:
        """The initial weights."""
        return self.weights()

    def memory(self) -> State:
        """What the outer optimiser remembers."""
        return optimiser_state(self.optimiser)

    def load_memory(self, memory: State) -> None:
        """Take it over."""
        restore_optimiser(self.optimiser, memory)

    def _evaluated(self, part: Part) -> Evaluated:
        weights, drawn = self.weights(), chunks(self.tasks, part, self.episodes, _CHOOSING, self.device)
        return merged([adapt_and_answer(self.method, self.network, weights, e, self.method.steps) for e in drawn])
