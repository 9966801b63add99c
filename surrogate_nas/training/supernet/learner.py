"""An epoch of training shared weights: batches of samples, an architecture (or a fair set of them) for each."""

import math
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from surrogate_nas.networks import MixedNetwork
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.training.datasets.augmentation import Augmentation
from surrogate_nas.training.loop import Diverged, State
from surrogate_nas.training.optimisation import make_optimiser, optimiser_state, restore_optimiser, set_step_size
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.supernet.sampling import Rows, Sampling, fair_rows, uniform_rows
from surrogate_nas.training.tensors import SplitTensors


@final
class SharedWeights:
    """Trains a mixed network on one split, so that each operation is trained about as often as it were alone.

    With o operations per place, an epoch is o passes over the training samples, whatever the sampling: "uniform"
    makes a step with one architecture on every batch, "fair" makes a step on every batch of one pass, with the
    summed gradients of o architectures. All random numbers depend on the seed and the epoch alone.
    """

    def __init__(
        self,
        network: MixedNetwork,
        space: SearchSpace,
        data: SplitTensors,
        recipe: Recipe,
        sampling: Sampling,
        seed: int,
    ) -> None:
        """Prepare the training.

        Args:
            network: On the device of the data; trained in place.
            space: Of the architectures.
            data: The split.
            recipe: How to train.
            sampling: How architectures are drawn.
            seed: Of the training.
        """
        self.network, self.space, self.data, self.recipe = network, space, data, recipe
        self.sampling, self.seed = sampling, seed
        self.augment = Augmentation(recipe.augmentation, data.input_kind, data.num_classes)
        self.optimiser = make_optimiser(network.parameters(), recipe)
        if recipe.optimiser == "sgd" and recipe.momentum:
            # Not all weights are used in a step, and torch's fused step wants the momenta of all or of none.
            for parameter in network.parameters():
                self.optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.operations = len(network.wiring.offered)
        self.batches = -(-len(data.train) // (recipe.batch_size or len(data.train)))

    def train_epoch(self, epoch: int) -> float:
        """Train for one epoch, the first of which is 1; returns the mean loss.

        Raises:
            Diverged: It was not finite.
        """
        stream, order_seed, augment_seed, path_seed = (
            np.random.SeedSequence((self.seed, epoch)).generate_state(4).tolist()
        )
        torch.manual_seed(stream)
        augmenting = torch.Generator(self.data.samples.device).manual_seed(augment_seed)
        ordering = torch.Generator().manual_seed(order_seed)
        rng = np.random.default_rng(path_seed)
        fair = self.sampling == "fair"
        # What an epoch consists of: (passes over the samples) x (architectures per step).
        passes, paths = (1, self.operations) if fair else (self.operations, 1)
        steps, total = passes * self.batches, 0.0
        self.network.train()
        for part in range(passes):
            order = torch.randperm(len(self.data.train), generator=ordering)
            shuffled = self.data.train[order.to(self.data.train.device)]
            for batch, positions in enumerate(shuffled.tensor_split(self.batches)):
                x, y = self.augment(*self.data.batch(positions), augmenting)
                rows = (fair_rows if fair else uniform_rows)(self.space, paths, rng)
                done = (epoch - 1 + (part * self.batches + batch) / steps) / self.recipe.epochs
                total += self._step(x, y, rows, done) / (steps * paths)
        if not math.isfinite(total):
            raise Diverged(f"diverged: the loss was not finite at epoch {epoch}")
        return total

    def _step(self, x: Tensor, y: Tensor, rows: Rows, done: float) -> float:
        """One step of the optimiser; returns the sum of the architectures' losses."""
        self.optimiser.zero_grad()
        total = 0.0
        for row in rows:
            loss = self.loss(self.network(x, self.network.wiring.choices(row)), y)
            loss.backward()
            total += float(loss.detach())
        if self.recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        set_step_size(self.optimiser, self.recipe, done)
        self.optimiser.step()
        return total

    def loss(self, answers: Tensor, y: Tensor) -> Tensor:
        """What is minimised: cross-entropy, or the squared error of the standardised target."""
        if self.data.regression:
            return F.mse_loss(answers.squeeze(1), y)
        return F.cross_entropy(answers, y, label_smoothing=self.recipe.label_smoothing)

    def weights(self) -> State:
        """Copy of the state dict."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def load_weights(self, weights: State) -> None:
        """Take weights over."""
        self.network.load_state_dict(weights)

    def memory(self) -> State:
        """What the optimiser remembers."""
        return optimiser_state(self.optimiser)

    def load_memory(self, memory: State) -> None:
        """Take it over."""
        restore_optimiser(self.optimiser, memory)
