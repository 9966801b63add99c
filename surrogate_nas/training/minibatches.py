"""An epoch over samples: a random order, batches of equal size, one step of the optimiser after each."""

from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from surrogate_nas.training import metrics
from surrogate_nas.training.datasets.augmentation import Augmentation
from surrogate_nas.training.loop import Evaluation, State
from surrogate_nas.training.optimisation import make_optimiser, optimiser_state, restore_optimiser, set_step_size
from surrogate_nas.training.recipe import Recipe
from surrogate_nas.training.result import Scores
from surrogate_nas.training.tensors import Part, SplitTensors

#: Samples per call in evaluation: a constant, so that the recipe's batches do not change how answers are rounded.
EVALUATION_BATCH = 512

#: What the loss of an auxiliary classifier counts, as in DARTS (Liu et al. 2019, arXiv:1806.09055).
AUXILIARY_WEIGHT = 0.4


@final
class MiniBatches:
    """One network on one split of an array data set; a :class:`~surrogate_nas.training.loop.Learner`.

    The random numbers of an epoch (order of the samples, augmentation, dropout) depend on the seed, the split and
    the epoch alone: a training that was broken off goes on as if it had not been, and no split sees the others.

    Networks answer (n, *input_shape) with (n, num_outputs). One with an auxiliary classifier has a method
    ``both_logits`` that returns its answer and the auxiliary one, or None; training mode calls that.
    """

    def __init__(self, network: nn.Module, data: SplitTensors, recipe: Recipe, seed: int, split: int = 0) -> None:
        """Prepare the training.

        Args:
            network: On the device of the data; trained in place.
            data: The split.
            recipe: How to train.
            seed: Of the training.
            split: Number of the split.
        """
        if data.samples.ndim == 4:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = network
        self.data = data
        self.recipe = recipe
        self.random = (seed, split)
        self.device = data.samples.device
        self.augment = Augmentation(recipe.augmentation, data.input_kind, data.num_classes)
        self.optimiser = make_optimiser(network.parameters(), recipe)
        self.steps = -(-len(data.train) // (recipe.batch_size or len(data.train)))
        both = getattr(network, "both_logits", None) or (lambda x: (network(x), None))
        self.answer = torch.compile(network) if recipe.compiled else network
        self.both_answers = torch.compile(both) if recipe.compiled else both
        halves = torch.bfloat16 if self.device.type == "cpu" or torch.cuda.is_bf16_supported() else torch.float16
        self.autocast = torch.autocast(self.device.type, halves, enabled=recipe.mixed_precision)
        # Gradients in float16 underflow unless the loss is scaled up; bfloat16 has the exponents of float32.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.mixed_precision and halves == torch.float16)

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(p.numel() for p in self.network.parameters() if p.requires_grad)

    def train_epoch(self, epoch: int) -> Tensor:
        """Train on every sample once."""
        stream, order_seed, augment_seed = np.random.SeedSequence((*self.random, epoch)).generate_state(3).tolist()
        torch.manual_seed(stream)
        augmenting = torch.Generator(self.device).manual_seed(augment_seed)
        # Drawn on the CPU, so that every device sees the samples in the same order.
        order = torch.randperm(len(self.data.train), generator=torch.Generator().manual_seed(order_seed))
        shuffled = self.data.train[order.to(self.device)]
        total = torch.zeros((), device=self.device)
        self.network.train()
        for step, positions in enumerate(shuffled.tensor_split(self.steps)):
            x, y = self.data.batch(positions)
            x, y = self.augment(x, y, augmenting)
            with self.autocast:
                loss = self._loss(x, y)
            self.optimiser.zero_grad()
            self.scaler.scale(loss).backward()
            if self.recipe.clip_norm is not None:
                self.scaler.unscale_(self.optimiser)
                nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
            set_step_size(self.optimiser, self.recipe, (epoch - 1 + step / self.steps) / self.recipe.epochs)
            self.scaler.step(self.optimiser)
            self.scaler.update()
            total += loss.detach() * len(positions)
        return total / len(shuffled)

    def evaluate(self, part: Part) -> Evaluation:
        """What epochs are chosen on."""
        answers, y = self._answers(part), self.data.targets[self.data.positions(part)]
        if self.data.regression:
            found = metrics.regression_scores(answers[None], y[None])
            return Evaluation(found.loss, found.r2)
        return Evaluation(float(F.cross_entropy(answers, y)), float((answers.argmax(1) == y).double().mean()))

    def scores(self, part: Part) -> Scores:
        """All metrics."""
        answers, y = self._answers(part)[None], self.data.targets[self.data.positions(part)][None]
        if self.data.regression:
            return metrics.regression_scores(answers, y, self.data.target_std)
        return metrics.scores(answers, y)

    def answers(self, part: Part) -> Tensor:
        """Logits, float32 of shape (m, classes); of a regression (m,), in the target's unit."""
        answers = self._answers(part)
        return self.data.in_unit(answers) if self.data.regression else answers

    def weights(self) -> State:
        """Copy of the network's state dict, on its device."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def load_weights(self, weights: State) -> None:
        """Take weights over."""
        self.network.load_state_dict(weights)

    def exported(self) -> State:
        """State dict of the network."""
        return self.weights()

    def memory(self) -> State:
        """What the optimiser remembers, and by how much losses are scaled up in 16 bits."""
        scaling = self.scaler.state_dict()
        numbers = {"scaler": torch.tensor([scaling["scale"], scaling["_growth_tracker"]])} if scaling else {}
        return numbers | {f"optimiser.{name}": value for name, value in optimiser_state(self.optimiser).items()}

    def load_memory(self, memory: State) -> None:
        """Take it over."""
        optimiser = {k.removeprefix("optimiser."): v for k, v in memory.items() if k.startswith("optimiser.")}
        restore_optimiser(self.optimiser, optimiser)
        if "scaler" in memory:
            scale, tracker = memory["scaler"].tolist()
            self.scaler.load_state_dict({**self.scaler.state_dict(), "scale": scale, "_growth_tracker": int(tracker)})

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        answer, auxiliary = self.both_answers(x)
        loss = self._loss_of(answer, y)
        return loss if auxiliary is None else loss + AUXILIARY_WEIGHT * self._loss_of(auxiliary, y)

    def _loss_of(self, answer: Tensor, y: Tensor) -> Tensor:
        if self.data.regression:
            return F.mse_loss(answer.squeeze(1).float(), y)
        return F.cross_entropy(answer, y, label_smoothing=self.recipe.label_smoothing)

    @torch.no_grad()
    def _answers(self, part: Part) -> Tensor:
        """Answers in evaluation mode, float32: (m, classes), or (m,) standardised ones of a regression."""
        self.network.eval()
        with self.autocast:
            answers = [self.answer(self.data.inputs(at)) for at in self.data.positions(part).split(EVALUATION_BATCH)]
        whole = torch.cat(answers).float()
        return whole.squeeze(1) if self.data.regression else whole
