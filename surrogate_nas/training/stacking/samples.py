"""An epoch over samples for several networks at once, each with its own order, augmentation and dropout."""

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import final

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from surrogate_nas.training import metrics
from surrogate_nas.training.datasets.augmentation import Augmentation
from surrogate_nas.training.loop import State
from surrogate_nas.training.minibatches import AUXILIARY_WEIGHT, EVALUATION_BATCH
from surrogate_nas.training.optimisation import make_optimiser, set_step_size
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import Scores
from surrogate_nas.training.stacking.layers import Pass
from surrogate_nas.training.stacking.networks import StackedNetworks
from surrogate_nas.training.tensors import Part, SplitTensors

#: Samples per call in evaluation are shared by the networks, but each gets at least so many.
_LEAST_EVALUATED = 64


@final
class StackedBatches:
    """k networks on one split of an array data set; as ``MiniBatches`` trains one.

    On the CPU each network draws the numbers that it would draw by itself. On a GPU order and augmentation are those,
    too, but dropout draws for all networks at once. Nothing in an epoch waits for the device.
    """

    def __init__(
        self, networks: StackedNetworks, data: SplitTensors, recipe: Recipe, seeds: Sequence[int], split: int = 0
    ) -> None:
        """Prepare the training.

        Args:
            networks: On the device of the data; trained in place.
            data: The split.
            recipe: How to train.
            seeds: Of each network's training.
            split: Number of the split.
        """
        self.networks = networks
        self.data = data
        self.recipe = recipe
        self.random = [(seed, split) for seed in seeds]
        self.device = data.samples.device
        self.augment = Augmentation(recipe.augmentation, data.input_kind, data.num_classes)
        self.optimiser = make_optimiser(networks.parameters, recipe)
        self.steps = -(-len(data.train) // (recipe.batch_size or len(data.train)))
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.mixed_precision)
        self._clip = _Clipping(networks, recipe.clip_norm) if recipe.clip_norm is not None else None
        self._best: list[Tensor] = []

    def train_epoch(self, epoch: int) -> Tensor:
        """Train every network on every sample once; returns their mean losses, shape (k,), still on the device."""
        drawn = [np.random.SeedSequence((*own, epoch)).generate_state(3).tolist() for own in self.random]
        if self.device.type == "cpu":
            run = Pass(training=True, streams=[Generator().manual_seed(stream) for stream, _, _ in drawn])
        else:
            torch.manual_seed(drawn[0][0])
            run = Pass(training=True)
        augmenting = [Generator(self.device).manual_seed(seed) for _, _, seed in drawn]
        n = len(self.data.train)
        orders = [torch.randperm(n, generator=Generator().manual_seed(seed)) for _, seed, _ in drawn]
        shuffled = self.data.train[torch.stack(orders, dim=1).to(self.device)]
        total = torch.zeros(self.networks.k, device=self.device)
        for step, positions in enumerate(shuffled.tensor_split(self.steps)):
            x, y = self._batch(positions, augmenting)
            with self.autocast:
                answer, *auxiliary = self.networks(x, run)
                loss = self._loss(answer, y)
                for other in auxiliary:
                    loss = loss + AUXILIARY_WEIGHT * self._loss(other, y)
            self.optimiser.zero_grad()
            # A sum, so that each network is trained as if it were alone.
            loss.sum().backward()
            if self._clip is not None:
                self._clip()
            set_step_size(self.optimiser, self.recipe, (epoch - 1 + step / self.steps) / self.recipe.epochs)
            self.optimiser.step()
            total += loss.detach() * len(positions)
        return total / n

    def evaluate(self, part: Part) -> tuple[Tensor, Tensor]:
        """Loss and accuracy, or R2, of every network, shape (k,) each, still on the device."""
        answers, y = self._answers(part), self.data.targets[self.data.positions(part)]
        if self.data.regression:
            answers, y = answers.double(), y.double()
            squared = ((answers - y[:, None]) ** 2).mean(0)
            return squared, torch.where(y.var(correction=0) > 0, 1 - squared / y.var(correction=0), torch.nan)
        loss = F.cross_entropy(answers.flatten(0, 1), y.repeat_interleave(self.networks.k), reduction="none")
        return loss.view(len(y), -1).mean(0), (answers.argmax(2) == y[:, None]).double().mean(0)

    def scores(self, part: Part, wanted: Sequence[int]) -> list[Scores]:
        """All metrics of some networks."""
        y, whole = self.data.targets[self.data.positions(part)][None], self._answers(part)
        answers = [whole[:, i][None] for i in wanted]
        if self.data.regression:
            return [metrics.regression_scores(one, y, self.data.target_std) for one in answers]
        return [metrics.scores(one, y) for one in answers]

    @torch.no_grad()
    def keep(self, better: Sequence[bool]) -> None:
        """Remember the weights of some networks, as the best so far."""
        stacked = [(layer, tensor) for layer in self.networks.layers for tensor in layer.tensors.values()]
        if not self._best:
            self._best = [tensor.detach().clone() for _, tensor in stacked]
        chosen = torch.tensor(better, device=self.device)
        for (layer, tensor), best in zip(stacked, self._best, strict=True):
            mask = chosen[layer.owners].view(-1, *[1] * (tensor.ndim - 1))
            best.copy_(torch.where(mask, tensor, best))

    @torch.no_grad()
    def take_best(self) -> None:
        """Give every network its best weights."""
        tensors = [tensor for layer in self.networks.layers for tensor in layer.tensors.values()]
        for tensor, best in zip(tensors, self._best or tensors, strict=True):
            tensor.copy_(best)

    def state(self, i: int) -> State:
        """State dict of a network."""
        return self.networks.state(i)

    def _batch(self, positions: Tensor, augmenting: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """Samples (b, k, ...) at positions (b, k), and their targets."""
        x, y = self.data.batch(positions.flatten())
        x, y = x.contiguous().unflatten(0, positions.shape), y.unflatten(0, positions.shape)
        if not self.recipe.augmentation:
            return x, y
        # One after the other, because each network has random numbers of its own.
        changed = [self.augment(x[:, i], y[:, i], stream) for i, stream in enumerate(augmenting)]
        return torch.stack([one for one, _ in changed], dim=1), torch.stack([one for _, one in changed], dim=1)

    def _loss(self, answer: Tensor, y: Tensor) -> Tensor:
        """Mean loss of every network, shape (k,), of answers (b, k, num_outputs)."""
        if self.data.regression:
            return F.mse_loss(answer.squeeze(2).float(), y, reduction="none").mean(0)
        losses = F.cross_entropy(
            answer.flatten(0, 1), y.flatten(0, 1), reduction="none", label_smoothing=self.recipe.label_smoothing
        )
        return losses.unflatten(0, answer.shape[:2]).mean(0)

    @torch.no_grad()
    def _answers(self, part: Part) -> Tensor:
        """Answers in evaluation mode, float32: (m, k, classes), or (m, k) standardised ones of a regression."""
        k, run = self.networks.k, Pass(training=False)
        answers = []
        with self.autocast:
            for at in self.data.positions(part).split(max(_LEAST_EVALUATED, EVALUATION_BATCH // k)):
                x = self.data.inputs(at).contiguous()
                answers.append(self.networks(x[:, None].expand(-1, k, *x.shape[1:]), run)[0])
        whole = torch.cat(answers).float()
        return whole.squeeze(2) if self.data.regression else whole


@final
class _Clipping:
    """Brings the norm of each network's gradient down to a limit, as ``clip_grad_norm_`` does for one network."""

    def __init__(self, networks: StackedNetworks, limit: float) -> None:
        self.limit = limit
        self.parameters = networks.parameters
        owners = [layer.owners for layer in networks.layers for t in layer.tensors.values() if t.requires_grad]
        self.owners = [torch.tensor(own, device=networks.device) for own in owners]
        slots = list(chain.from_iterable(owners))
        by_network = sorted(range(len(slots)), key=slots.__getitem__)
        counts = [slots.count(i) for i in range(networks.k)]
        self.order = torch.tensor(by_network, device=networks.device)
        self.offsets = torch.tensor([0, *accumulate(counts)], device=networks.device)

    @torch.no_grad()
    def __call__(self) -> None:
        squares = [
            torch.zeros(len(p), device=p.device) if p.grad is None else p.grad.flatten(1).square().sum(1)
            for p in self.parameters
        ]
        # Summed network by network, in one order, and apart: where one is NaN, the others are not.
        sums = torch.segment_reduce(torch.cat(squares)[self.order], "sum", offsets=self.offsets, unsafe=True)
        norms = sums.sqrt()
        shares = (self.limit / (norms + 1e-6)).clamp(max=1.0)
        for parameter, owners in zip(self.parameters, self.owners, strict=True):
            if parameter.grad is not None:
                parameter.grad.mul_(shares[owners].view(-1, *[1] * (parameter.ndim - 1)))
